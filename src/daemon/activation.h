/* Sockets that a supervisor hands in ($LISTEN_FDS and $LISTEN_FDNAMES of sd_listen_fds(3)). Each is one of the service
 * that is to listen where it is bound, and that it names, if it names one. Thread: main. */
#ifndef DAEMON_ACTIVATION_H
#define DAEMON_ACTIVATION_H

#include <dgram.h>

struct activation {
	const char *log_format;		/* of the options */
	unsigned count;			/* of sockets, descriptors from 3 on */
	struct dgram_service *services; /* those of the options, with their sockets */
	int *fds;			/* by service */
	char *names;			/* $LISTEN_FDNAMES, in pieces */
};

/* Have services use them. The options borrow from it until the sockets are bound. -EINVAL: a line
 * has said why. -ENOMEM. */
int activation_begin(struct activation *activation, struct dgram_options *options);

/* Close them, because the server has duplicates; streams stay, see process/handed.h. One that is all zeros is fine. */
void activation_end(struct activation *activation);

#endif
