/* How the daemon ends: for shutdown.drain_delay_ms it says that it is not ready and serves as before, so that those who
 * look at that send elsewhere; then it drains. Thread: main. */
#ifndef DAEMON_ENDING_H
#define DAEMON_ENDING_H

struct daemon;

/* A signal asks for the end: begin the delay; end it; or drain no longer. The first one after an upgrade finds it draining. */
void ending_signal(struct daemon *daemon);

/* Drain if the delay has ended. Call it when the epoll `wake_fd` is ready. */
void ending_step(struct daemon *daemon);

/* Tell the supervisor, once: while another process leads it hears nothing of us. */
void ending_tell(struct daemon *daemon);

#endif
