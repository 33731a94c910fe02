# src/process/stream.c: whoever was asked together with others is guilty, too
s/talk.asked.count == 1 && !talk.stray/true/
