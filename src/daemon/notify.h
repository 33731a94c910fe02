/* Telling systemd how we are: the protocol of sd_notify(3), which is a datagram to $NOTIFY_SOCKET.
 *
 * DESIGN: a supervisor that is busy may take nothing for a while. Of each kind one message waits then, the newest,
 * and they are sent in the order of their making when there is room: that READY=1 was lost would be a start without
 * end. Thread: main. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum notify_kind {
	NOTIFY_READY,
	NOTIFY_RELOADING,
	NOTIFY_STOPPING,
	NOTIFY_MAINPID,
	NOTIFY_STATUS,
	NOTIFY_WATCHDOG,
	NOTIFY_KINDS,
};

#define NOTIFY_TEXT_MAX 512

struct notify {
	int fd;
	int epoll;	/* of whoever waits for room; -1: nobody */
	bool watched;	/* there */
	int error;	/* -errno of the last try; 0: it takes messages */
	unsigned turns; /* how many messages there were */
	struct sockaddr_un address;
	socklen_t address_length; /* 0: there is no supervisor */
	struct {
		unsigned turn; /* 0: none waits */
		char text[NOTIFY_TEXT_MAX];
	} pending[NOTIFY_KINDS];
};

/* Connect to the supervisor, if there is one; an empty $NOTIFY_SOCKET is none. -errno: it is not there now, and each
 * message tries again; -EINVAL: it cannot be. */
int notify_open(struct notify *notify);

/* Send what waits, for which there may be no room for two seconds, and close. Closing one that is not open (fd -1) is fine. */
void notify_close(struct notify *notify);

/* While messages wait for room, have this epoll be ready when there is some: then call notify_flush(). */
void notify_watch(struct notify *notify, int epoll);

/* Send variables, "READY=1" or "STATUS=...", after what waits. Never waits. */
void notify_send(struct notify *notify, enum notify_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void notify_flush(struct notify *notify);

/* The start failed with this negative errno value: ERRNO, so that a supervisor which waits for READY need not
 * wait for its time-out. Connects by itself. */
void notify_failure(int error);

#endif
