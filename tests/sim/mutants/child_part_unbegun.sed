# src/process/stream.c: a request that was written in part runs again as if it had not been
s/whole_count(&talk) + talk.begun/whole_count(\&talk)/
