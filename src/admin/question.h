/* Questions that only the owner can answer: a list of them, and the way to wake the owner. */
#ifndef ADMIN_QUESTION_H
#define ADMIN_QUESTION_H

#include <stdbool.h>
#include <sys/types.h>

#include "admin/admin.h"
#include "admin/answer.h"
#include "base/link.h"
#include "base/lock.h"

#define QUESTION_TEXT_MAX 64

struct question {
	struct link link; /* under the lock of the list, while it waits there */
	enum admin_act act;
	char path[QUESTION_TEXT_MAX];
	char argument[QUESTION_TEXT_MAX];
	uid_t uid;
	struct admin_answer answer; /* the owner's while it waits, then the asker's */
	void (*answered)(struct question *question); /* Thread: owner */
};

struct questions {
	int fd; /* an eventfd: there are some */
	struct lock lock;
	struct link waiting;   /* under the lock */
	bool closed;	       /* the same: nobody answers any more */
	struct question *kept; /* the owner's: that `act` has left open; NULL: none */
};

/* -errno. Thread: owner. */
int questions_open(struct questions *questions);

/* The owner is to answer this one. False: nobody will, and nothing has happened. Thread: any. */
bool questions_ask(struct questions *questions, struct question *question);

/* Answer all that wait, with `act`; NULL: that nobody does any more, as of those that come later. Thread: owner. */
void questions_answer(struct questions *questions, admin_do_fn *act, void *context);

/* Answer the one that `act` left open with -EINPROGRESS, if there is one: `error` as `act` returns it, and what there is
 * to say, a line each. Thread: owner. */
void questions_finish(struct questions *questions, int error, const char *said);

/* None must wait. Thread: owner. */
void questions_close(struct questions *questions);

#endif
