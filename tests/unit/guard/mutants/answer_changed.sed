# src/guard/netlink.c, test_own_addresses: a list that changed meanwhile is taken
s/if (message->nlmsg_flags \& NLM_F_DUMP_INTR)/if (false)/
