/* What kept a run from its limits: the first thing to look at. */
#ifndef LOAD_VERDICT_H
#define LOAD_VERDICT_H

#include <stdio.h>

#include "load/run.h"

enum load_limit {
	LOAD_LIMIT_NONE,
	LOAD_LIMIT_CLIENT,  /* dgramload itself, or its buffers */
	LOAD_LIMIT_KERNEL,  /* the buffer of the server's socket */
	LOAD_LIMIT_QUEUE,   /* the server took requests and shed them */
	LOAD_LIMIT_WORKERS, /* all were answered, too late */
	LOAD_LIMIT_SERVER,  /* one of the last three, on another machine */
};

extern const char *const load_limit_names[];
extern const char *const load_limit_sentences[];

/* The requests that were not answered well, in percent of those sent. */
double load_verdict_loss_percent(const struct load_result *result);

/* By the options' limits of loss and of p99. */
enum load_limit load_verdict(const struct load_options *options, struct load_result *result);

/* What stands around each of several sentences, and between two. */
struct load_marks {
	const char *before, *after, *between;
};

/* Sentences, if any, about what makes the figures less than they seem. */
void load_verdict_remarks(struct load_result *result, const struct load_marks *marks, FILE *file);

#endif
