# src/engine/reply.c: replies to two clients of one address are coalesced
s/return (word \& ~(uint64_t)UINT16_MAX)/return (word \& ~(uint64_t)UINT32_MAX)/
