/* dgramd.h: the whole daemon around handlers of yours: server.json, its checks, signals, supervisors.
 *
 *	static const struct dgram_handler *const handlers[] = { &mine, NULL };
 *
 *	int main(int argc, char **argv)
 *	{
 *		return dgram_main(argc, argv, handlers);
 *	}
 */
#ifndef DGRAMD_H
#define DGRAMD_H

#include <dgram.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Be dgramd with these handlers, NULL after the last, at least one, instead of the built-in ones: server.json
 * names them, and the first is the default. Returns the exit status, or does not return if handlers
 * still run when the drain's time is over: the process ends then with 0. Messages begin with the program's name.
 * The context that a handler's open() is given is the path of the file, from whose folder its own paths may count;
 * NULL: there is no file. Call it once, while the process has no other thread: it blocks the signals that it takes, and closes descriptors
 * from 3 on, so handlers open what they need in open(). Thread: main. */
DGRAM_API int dgram_main(int argc, char **argv, const struct dgram_handler *const *handlers);

#ifdef __cplusplus
}
#endif
#endif
