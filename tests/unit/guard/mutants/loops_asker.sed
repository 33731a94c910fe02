# src/guard/door.c, test_door: what is sent elsewhere is remembered as sent to the client
s/departure->request, departure->to, departure->data/departure->request, \&departure->request->client, departure->data/
