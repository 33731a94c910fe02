# src/process/stream.c: a request is guilty of what its child said of others
s/talk.asked.count == 1 && !talk.stray/talk.asked.count == 1/
