# nested/disk/ignored
helm upgrade notebook ~/datalab/helm/notebook --set persistence.enabled=true
