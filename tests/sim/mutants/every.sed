# src/queue/backlog.c: every other one is next by chance
s/BY_NETWORK, BY_ADDRESS };/BY_CHANCE, BY_ADDRESS };/
