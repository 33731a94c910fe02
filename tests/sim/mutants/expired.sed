# src/engine/worker.c: jobs are run however old they have grown
s/else if (job->expires_ns <= now_ns)/else if (false)/
