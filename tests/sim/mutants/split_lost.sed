# src/engine/reply.c: a coalesced message that fails is lost
s/} else if (batch->messages\[first\].replies > 1) {/} else if (false) {/
