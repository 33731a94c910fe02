# src/pipeline/receiver.c: workers are not woken
s/if (wake > 0)/if (wake > 1)/
