# route/answers/no-door
unset DOOR; curl -i -H 'Host: notebook.${domain}' http://$DOOR/api
