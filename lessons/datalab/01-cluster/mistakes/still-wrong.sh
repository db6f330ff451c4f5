# typo/repaired/still-wrong image=nginxx:1.27
kubectl run web --image=ngnix:1.27
atelier wait typo/broken
kubectl set image pod/web web=nginxx:1.27
