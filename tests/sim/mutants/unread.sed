# src/engine/receiver.c: a handler that reads times of arrival gets others
s/service->handler.calls->reads_arrived || blocks/blocks/
