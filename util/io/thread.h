/* SPDX-License-Identifier: BSD-2-Clause */
/* thread: one thread beside the loop, for calls that wait for a disk. */
#ifndef UTIL_IO_THREAD_H
#define UTIL_IO_THREAD_H

#include <stddef.h>

#include "util/base/err.h"
#include "util/io/loop.h"

struct bgthread;

/*
 * Something to be done in the thread; embedded in its owner. From
 * bgthread_submit until done is called it belongs to the thread: nobody else
 * touches the job or what it points to.
 */
struct job {
	void (*run)(struct job *job);  /* in the thread: may wait */
	void (*done)(struct job *job); /* afterwards, in the loop */
};

/* What Linux shows of it. */
#define BGTHREAD_NAME_MAX_BYTES 15

/* Starts a thread; name, which may be cut, is shown by ps and top. At most
 * max_jobs are submitted and not yet done. Ends the process if there is no
 * thread to be had. */
struct bgthread *bgthread_new(
    struct loop *loop, const char *name, size_t max_jobs);

/* Finishes all jobs, those that a done submits included, calls done for each,
 * then ends the thread; *t is valid until then. Waits for the disk: at the end
 * of a process only. */
void bgthread_free(struct bgthread **t);

/* Hands over a job; jobs run one at a time in the order of submission, and are
 * done in that order. ERR_FULL: max_jobs are under way; nothing has changed. */
MUST_USE enum err bgthread_submit(struct bgthread *t, struct job *job);

/* Jobs that are submitted and not yet done. */
size_t bgthread_jobs(const struct bgthread *t);

#endif /* UTIL_IO_THREAD_H */
