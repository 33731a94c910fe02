# src/process/asked.c: what expired while it waited for a child is asked
s/request->ended || !outside_may_run(batch, request, now_ns)/request->ended/
