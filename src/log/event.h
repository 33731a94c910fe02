/* The events of the log: one table. Operators search for an event's name, so it stays the same from
 * release to release. dgramd(8) lists all events, each with the sentence that it has here; a test
 * compares the two. */
#ifndef LOG_EVENT_H
#define LOG_EVENT_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Identifier, level, how often at most, name, and what happened and what to do about it. Rows may share a name.
 * Those of src/daemon, which sees dgram.h alone, are logged by name with dgram_server_log().
 *
 * ONCE: for what it names, such as a thread or a gap in the log, or for each change of that. ASKED: each time that
 * somebody asked for it, by a command or by the configuration. PACED: each time, because what it is about is limited:
 * 20 lines a second of a worker's commands, and 16 behind a line about an overdue handler or a crash. SECOND: once a
 * second for each service and reason, or each thread; log_limit_pass() counts those that are left out.
 *
 * Of the children of a service ten start in a second, fewer when they fail, so no more end. */
#define LOG_EVENTS(X)                                                                                \
	/* Start and end. */                                                                         \
	X(EVENT_STARTING, INFO, ONCE, "starting", "The daemon begins.")                              \
	X(EVENT_USER, INFO, ONCE, "user",                                                            \
		"The daemon has become this user, without any capability, and cannot go back.")      \
	X(EVENT_ROOT, WARN, ONCE, "runs as root",                                                    \
		"Whoever takes over the daemon has the machine: name a user in the configuration.")  \
	X(EVENT_SANDBOX, INFO, ONCE, "sandbox",                                                      \
		"The threads that serve are in the sandbox, with the kernel's version of "           \
		"landlock; 0: it has none.")                                                         \
	X(EVENT_CANNOT_GIVE_UP_RIGHTS, ERROR, ONCE, "cannot give up rights",                         \
		"user: only root can become another one. sandbox: the kernel has no seccomp(2), "    \
		"or who started the daemon forbids it.")                                             \
	X(EVENT_LISTENING, INFO, ONCE, "listening",                                                  \
		"The address is bound; its port is the real one.")                                   \
	X(EVENT_RECEIVE_BUFFER_REDUCED, WARN, ONCE, "receive buffer smaller than asked",             \
		"The kernel granted less than socket.receive_buffer_bytes and drops bursts "         \
		"earlier: raise net.core.rmem_max.")                                                 \
	X(EVENT_SEND_BUFFER_REDUCED, WARN, ONCE, "send buffer smaller than asked",                   \
		"The kernel granted less than socket.send_buffer_bytes, and replies to neighbours "  \
		"that do not answer fill it earlier: raise net.core.wmem_max.")                      \
	X(EVENT_SEND_BUFFER_BELOW_NEIGHBOURS, WARN, ONCE,                                            \
		"send buffer holds less than neighbours",                                            \
		"Replies to forged neighbours, which wait for three seconds, can fill the send "     \
		"buffer, and then nobody is answered: lower the unres_qlen_bytes of the hint.")      \
	X(EVENT_RECEIVE_BUFFER_BELOW_QUEUE, WARN, ONCE,                                              \
		"receive buffer holds less than the queue",                                          \
		"The kernel drops a part of a burst that is as long as the queue: raise "            \
		"socket.receive_buffer_bytes, or lower queue.capacity.")                             \
	X(EVENT_NO_UDP_GRO, WARN, ONCE, "no UDP_GRO",                                                \
		"This kernel does not support socket.gro: unset it.")                                \
	X(EVENT_NO_BUSY_POLLING, WARN, ONCE, "no busy polling",                                      \
		"The kernel did not grant socket.busy_poll_us, which needs CAP_NET_ADMIN.")          \
	X(EVENT_OWN_ADDRESSES_UNKNOWN, WARN, ONCE, "own addresses unknown",                          \
		"The kernel did not list this machine's addresses: on wildcard hosts a request "     \
		"from a port that is also ours is dropped as source_self. Do what the hint says.")   \
	X(EVENT_REACHABLE, WARN, ONCE, "reachable from other machines",                              \
		"The address is not a loopback one: have access or a firewall say who may ask.")     \
	X(EVENT_WAITING, WARN, ONCE, "waiting for an address",                                       \
		"This machine does not have the address: the service listens there as soon as it "   \
		"does. If it should be there already, do what the hint says.")                       \
	X(EVENT_READY, INFO, ONCE, "ready", "Each service has an address, and all threads run.")     \
	X(EVENT_CANNOT_LISTEN, ERROR, ONCE, "cannot listen",                                         \
		"The address cannot be bound: do what the hint says. The start fails; a server "     \
		"that runs tries again each second.")                                                \
	X(EVENT_CANNOT_OPEN_LOG, ERROR, ONCE, "cannot open the log",                                 \
		"The target of the log cannot be opened: correct logging.target, or make its "       \
		"directory and let the user of the daemon write there.")                             \
	X(EVENT_CANNOT_OPEN_SERVICE, ERROR, ONCE, "cannot open the service",                         \
		"Its handler refused: see the documentation of the handler.")                        \
	X(EVENT_CANNOT_EXECUTE, ERROR, ONCE, "cannot execute",                                       \
		"The command of the handler exec, or dgram-child, is not there or not executable: "  \
		"correct options.command, or let the user of the daemon execute it.")                \
	X(EVENT_CANNOT_START_LOG, ERROR, ONCE, "cannot start the log",                               \
		"The system gave no thread to the log: see its limits of threads and memory.")       \
	X(EVENT_CANNOT_START_HANDLER, ERROR, ONCE, "cannot start the handler",                       \
		"The handler of the service refused a worker, or a receiver that runs it: see the "  \
		"documentation of the handler.")                                                     \
	X(EVENT_CANNOT_RECONFIGURE_HANDLER, ERROR, ASKED, "cannot reconfigure the handler",          \
		"The handler of the service refused values of its options, and the configuration "   \
		"stays as it was: see the documentation of the handler.")                            \
	X(EVENT_CANNOT_START_WORKER, ERROR, ONCE, "cannot start a worker",                           \
		"The system gave it no thread: see the limits of threads and memory.")               \
	X(EVENT_CANNOT_PIN_WORKER, WARN, ONCE, "cannot pin a worker",                                \
		"The worker runs on any CPU: correct pool.cpus.")                                    \
	X(EVENT_CANNOT_START_RECEIVER, ERROR, ONCE, "cannot start a receiver",                       \
		"The system gave it no thread: see the limits of threads and memory.")               \
	X(EVENT_CANNOT_PIN_RECEIVER, WARN, ONCE, "cannot pin a receiver",                            \
		"The receiver runs on any CPU: correct pool.cpus.")                                  \
	X(EVENT_CANNOT_WATCH, ERROR, ONCE, "cannot wait for events",                                 \
		"The kernel refused a descriptor of the program, or its limit "                      \
		"fs.epoll.max_user_watches is reached: raise that.")                                 \
	X(EVENT_SIGNAL, INFO, ASKED, "signal", "A signal arrived.")                                  \
	X(EVENT_SUPERVISOR_NOT_REACHED, WARN, ONCE, "supervisor not reached",                        \
		"Its socket takes no message. When it does, the newest of each kind is sent.")       \
	X(EVENT_STANDS_STILL, ERROR, ONCE, "stands still",                                           \
		"The supervisor's watchdog does not hear from us because a service does not move.")  \
	X(EVENT_DRAIN_DELAYED, INFO, ONCE, "drain delayed",                                          \
		"The daemon says that it is not ready, and serves as before until "                  \
		"shutdown.drain_delay_ms is over, or another signal comes.")                         \
	X(EVENT_DRAINING, INFO, ONCE, "draining",                                                    \
		"The server stops: it receives nothing new and serves what waits.")                  \
	X(EVENT_HANDLERS_STILL_RUN, ERROR, ONCE, "handlers still run",                               \
		"The drain is over and the process ends without them: have them take less time, "    \
		"or raise shutdown.drain_timeout_ms.")                                               \
	X(EVENT_LEDGER, INFO, ONCE, "ledger",                                                        \
		"The last line of each service: what became of its datagrams.")                      \
	/* Reload. */                                                                                \
	X(EVENT_CONFIGURATION_ERROR, ERROR, ASKED, "configuration",                                  \
		"An error of the file, which is refused as a whole: correct it and reload.")         \
	X(EVENT_CONFIGURATION_CHANGED, INFO, ASKED, "configuration",                                 \
		"A key has a new value, which is in effect now.")                                    \
	X(EVENT_CONFIGURATION_WAITS, WARN, ASKED, "configuration",                                   \
		"A key has a new value that takes effect after a restart.")                          \
	X(EVENT_RELOADED, INFO, ASKED, "reloaded",                                                   \
		"The configuration was read again and is in effect.")                                \
	X(EVENT_RELOAD_REFUSED, ERROR, ASKED, "reload refused",                                      \
		"The configuration stays as it was: correct what the message says and reload.")      \
	X(EVENT_CANNOT_GROW_POOL, ERROR, ASKED, "cannot make room for more workers",                 \
		"There is not enough memory for pool.workers: lower it.")                            \
	X(EVENT_CANNOT_REOPEN_LOGS, ERROR, ASKED, "cannot reopen the logs",                          \
		"A log file could not be opened again, and lines still go to the old one: see "      \
		"its directory and reload. Also on stderr.")                                         \
	/* The admin endpoint. */                                                                    \
	X(EVENT_ADMIN, INFO, ONCE, "admin endpoint", "It takes connections there.")                  \
	X(EVENT_ADMIN_REACHABLE, WARN, ONCE, "admin endpoint reachable from other machines",         \
		"admin.listen is not a loopback address: have a firewall say who may ask.")          \
	X(EVENT_CANNOT_OPEN_ADMIN, ERROR, ONCE, "cannot open the admin endpoint",                    \
		"The start fails: see admin.socket and admin.listen, and who listens there.")        \
	X(EVENT_ADMIN_REQUEST, INFO, ASKED, "admin request", "Somebody steers the daemon.")          \
	X(EVENT_ADMIN_REFUSED, WARN, ASKED, "admin request refused",                                 \
		"Nothing has changed: the message says why.")                                        \
	X(EVENT_LOG_LEVEL, INFO, ASKED, "log level", "It is another one until the next reload.")     \
	X(EVENT_OUT_OF_SERVICE, INFO, ASKED, "taken out of service",                                 \
		"/readyz says whether it is ready, so a load balancer goes elsewhere; all "          \
		"requests are served as before.")                                                    \
	/* An upgrade. */                                                                            \
	X(EVENT_UPGRADE, INFO, ASKED, "upgrade",                                                     \
		"Another process has been started, with all sockets; this one serves until it is "   \
		"ready.")                                                                            \
	X(EVENT_UPGRADED, INFO, ASKED, "upgraded",                                                   \
		"The other process serves: this one drains, and ends.")                              \
	X(EVENT_UPGRADE_FAILED, ERROR, ASKED, "upgrade failed",                                      \
		"The other process has ended, or was not ready in time: this one serves as before.") \
	X(EVENT_UPGRADE_REFUSED, WARN, ASKED, "upgrade refused",                                     \
		"No other process was started: the message says why.")                               \
	X(EVENT_SUCCESSOR, WARN, ASKED, "successor",                                                 \
		"A line that the other process wrote to its standard error before it had read its "  \
		"file.")                                                                             \
	/* Service. */                                                                               \
	X(EVENT_REQUEST, DEBUG, ASKED, "request", "A request was served.")                           \
	X(EVENT_CHILD_WROTE, INFO, PACED, "child wrote",                                             \
		"A line that a command wrote to its standard error, cut at 400 bytes: of those of "  \
		"a worker, 20 in a second.")                                                         \
	X(EVENT_COMMAND_FAILED, WARN, SECOND, "command failed",                                      \
		"A process of the handler exec did not end as one that answers: see what it wrote "  \
		"last.")                                                                             \
	X(EVENT_DATAGRAMS_LOST, WARN, SECOND, "datagrams lost",                                      \
		"Datagrams got no answer: the reason is a name of THE LEDGER, and the "              \
		"hint says what to do.")                                                             \
	X(EVENT_LIMITS_WOULD_DROP, WARN, SECOND, "limits would drop",                                \
		"Requests were over limits, which limits.dry_run does not enforce: client is an "    \
		"example.")                                                                          \
	X(EVENT_LOSSES_ENDED, INFO, SECOND, "losses ended",                                          \
		"For three seconds no datagram was lost for this reason.")                           \
	X(EVENT_HANDLER_OVERDUE, WARN, SECOND, "handler overdue",                                    \
		"A handler runs for longer than pool.handler_timeout_ms: find what it waits for.")   \
	X(EVENT_LAST_REQUEST, WARN, PACED, "last request",                                           \
		"One of the last 16 requests of a worker that is overdue, or that the process died " \
		"in.")                                                                               \
	X(EVENT_DIED, ERROR, ONCE, "died",                                                           \
		"A signal ends the process: if a handler ran in the thread, its service and its "    \
		"request are named.")                                                                \
	X(EVENT_REPLIES_NOT_JOINED, INFO, SECOND, "replies not joined",                              \
		"The kernel or the device refused several replies to one client as one message: "    \
		"the worker sends them one by one for a while, and nothing is to be done.")          \
	X(EVENT_RECEIVE_FAILED, WARN, SECOND, "receive failed",                                      \
		"The kernel reported an error of the socket, which is read again after 10 ms.")      \
	X(EVENT_SUMMARY, INFO, ASKED, "summary",                                                     \
		"The figures of every logging.summary_interval_s: what has happened since the last " \
		"ones, but nothing that is 0.")                                                      \
	/* Children. */                                                                              \
	X(EVENT_CHILD_READY, DEBUG, ONCE, "child ready", "A child is up, and serves.")               \
	X(EVENT_CHILD_ERROR, WARN, SECOND, "child reported an error",                                \
		"A child answered a request by the reason why it failed.")                           \
	X(EVENT_CHILD_ENDED, WARN, ONCE, "child ended",                                              \
		"A child that served died, or was ended for the reason: its last lines may tell "    \
		"why. Another one takes its place.")                                                 \
	X(EVENT_CHILD_DID_NOT_START, WARN, ONCE, "child did not start",                              \
		"A child ended, or was ended, before it served: its last lines may tell why; a "     \
		"command can be run by hand, see dgram-1(7).")                                       \
	X(EVENT_CANNOT_START_CHILD, ERROR, SECOND, "cannot start a child",                           \
		"The system made no process: see its limits of processes, memory and descriptors.")  \
	X(EVENT_CHILD_REPLACED, INFO, ONCE, "child replaced",                                        \
		"A child was ended because another one takes its place, or none is wanted there.")   \
	X(EVENT_CHILDREN_FAILING, ERROR, ONCE, "children failing",                                   \
		"Five children have died before their first reply within 60 s, and nothing was "     \
		"answered between: their command does not work. It is tried on, more slowly.")       \
	X(EVENT_CHILDREN_RECOVERED, INFO, ONCE, "children work again",                               \
		"A child of a service that was failing has answered a request.")                     \
	X(EVENT_STREAMS_ENDED, WARN, ONCE, "streams ended",                                          \
		"The streams that were handed in have ended, so nobody can answer: the server "      \
		"stops.")                                                                            \
	X(EVENT_QUARANTINED, WARN, ONCE, "request quarantined",                                      \
		"Two children have died of the same bytes from the same source, which are refused "  \
		"for a minute: mend the command.")                                                   \
	X(EVENT_CANNOT_WRITE_LOG, ERROR, ONCE, "cannot write the log",                               \
		"On stderr, because the target of the log fails or blocks: see to its disk or its "  \
		"reader.")                                                                           \
	X(EVENT_LOG_LINES_LOST, WARN, ONCE, "log lines lost",                                        \
		"The target of the log failed or was too slow: make room there, or log less.")

#define LOG_EVENT_ID(id, level, often, name, meaning) id,
enum log_event_id { LOG_EVENTS(LOG_EVENT_ID) EVENT_COUNT };
#undef LOG_EVENT_ID

/* The levels as constants, where a table costs too much: EVENT_REQUEST_LEVEL. */
#define LOG_EVENT_LEVEL(id, level, often, name, meaning) id##_LEVEL = LOG_LEVEL_##level,
enum { LOG_EVENTS(LOG_EVENT_LEVEL) };
#undef LOG_EVENT_LEVEL

struct log_event_row {
	enum log_level level;
	const char *name;
	const char *meaning;
};

extern const struct log_event_row log_events[EVENT_COUNT];

#endif
