# src/process/stream.c: what a child has said before its end is not read
s/\t\t\ttalk->vectors_count = talk->vector;/\t\t\ttalk->over = true, talk->vectors_count = talk->vector;/
