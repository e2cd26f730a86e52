/* SPDX-License-Identifier: BSD-2-Clause */
/* thread: one thread, its ring of jobs, and the way back into the loop. */
#include "util/io/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * One ring for a job's whole way. Positions only grow; modulo max_jobs they
 * are places in the ring.
 *
 *	n_done <= n_run <= n_submitted <= n_done + max_jobs
 *
 * n_done belongs to the loop, the others are under the lock; only the loop
 * writes to n_submitted, so it reads it without.
 */
struct bgthread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t has_work; /* something was submitted, or the end */
	pthread_cond_t has_run;  /* a job has run: for bgthread_free */
	uint64_t n_submitted;
	uint64_t n_run;
	uint64_t n_done;
	bool is_ending;
	struct watch watch;
	int wake_fd;
	size_t max_jobs;
	char name[BGTHREAD_NAME_MAX_BYTES + 1];
	struct job *jobs[];
};

/* pthread calls fail by our mistakes only. */
static void
must(int rc)
{
	BUG_IF(rc != 0);
}

static void
wake_loop(struct bgthread *t)
{
	uint64_t one = 1;

	/* It fails when the counter is full: then the loop is woken already. */
	if (write(t->wake_fd, &one, sizeof(one)) < 0)
		BUG_IF(errno != EAGAIN);
}

/* Waits for the next job; NULL: that was all. */
static struct job *
wait_for_job(struct bgthread *t)
{
	struct job *job = NULL;

	must(pthread_mutex_lock(&t->lock));
	while (t->n_run == t->n_submitted && !t->is_ending)
		must(pthread_cond_wait(&t->has_work, &t->lock));
	if (t->n_run < t->n_submitted)
		job = t->jobs[t->n_run % t->max_jobs];
	must(pthread_mutex_unlock(&t->lock));
	return job;
}

static void *
run_jobs(void *arg)
{
	struct bgthread *t = arg;
	struct job *job;

	/* By the thread itself: for another it goes by way of a file, which
	 * the sandbox may not let us open. */
	(void)pthread_setname_np(pthread_self(), t->name);
	while ((job = wait_for_job(t)) != NULL) {
		job->run(job);
		must(pthread_mutex_lock(&t->lock));
		t->n_run++;
		must(pthread_cond_signal(&t->has_run));
		must(pthread_mutex_unlock(&t->lock));
		wake_loop(t);
	}
	return NULL;
}

/* Calls done for all that have run by now. */
static void
finish_jobs(struct bgthread *t)
{
	uint64_t n_run;

	must(pthread_mutex_lock(&t->lock));
	n_run = t->n_run;
	must(pthread_mutex_unlock(&t->lock));
	while (t->n_done < n_run) {
		struct job *job = t->jobs[t->n_done % t->max_jobs];

		/* The place is free before done is called: it may submit. */
		t->n_done++;
		job->done(job);
	}
}

static void
on_wake(void *arg, unsigned what)
{
	struct bgthread *t = arg;
	uint64_t n;

	(void)what;
	/* Read before looking: a job that ends after the look wakes again. */
	if (read(t->wake_fd, &n, sizeof(n)) < 0)
		BUG_IF(errno != EAGAIN);
	finish_jobs(t);
}

/* Signals are the loop's: the thread takes none. */
static int
start_thread(struct bgthread *t)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before));
	rc = pthread_create(&t->thread, NULL, run_jobs, t);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return rc;
}

struct bgthread *
bgthread_new(struct loop *loop, const char *name, size_t max_jobs)
{
	struct bgthread *t =
	    calloc(1, sizeof(*t) + max_jobs * sizeof(struct job *));
	int rc;

	BUG_IF(max_jobs == 0);
	if (t == NULL)
		fatal("out of memory for the thread %s", name);
	t->max_jobs = max_jobs;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	must(pthread_mutex_init(&t->lock, NULL));
	must(pthread_cond_init(&t->has_work, NULL));
	must(pthread_cond_init(&t->has_run, NULL));
	t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->wake_fd < 0)
		fatal(
		    "no eventfd for the thread %s: %s", name, strerror(errno));
	watch_init(&t->watch, loop, t->wake_fd, on_wake, t);
	watch_set(&t->watch, WATCH_READ);
	rc = start_thread(t);
	if (rc != 0)
		fatal("cannot start the thread %s: %s", name, strerror(rc));
	return t;
}

/* Waits until all that is submitted by now has run. */
static void
wait_for_ring(struct bgthread *t)
{
	must(pthread_mutex_lock(&t->lock));
	while (t->n_run < t->n_submitted)
		must(pthread_cond_wait(&t->has_run, &t->lock));
	must(pthread_mutex_unlock(&t->lock));
}

static void
end_thread(struct bgthread *t)
{
	must(pthread_mutex_lock(&t->lock));
	t->is_ending = true;
	must(pthread_cond_signal(&t->has_work));
	must(pthread_mutex_unlock(&t->lock));
	must(pthread_join(t->thread, NULL));
}

void
bgthread_free(struct bgthread **thread)
{
	struct bgthread *t = *thread;

	if (t == NULL)
		return;
	while (bgthread_jobs(t) > 0) {
		wait_for_ring(t);
		finish_jobs(t);
	}
	end_thread(t);
	watch_fini(&t->watch);
	(void)close(t->wake_fd);
	must(pthread_cond_destroy(&t->has_run));
	must(pthread_cond_destroy(&t->has_work));
	must(pthread_mutex_destroy(&t->lock));
	free(t);
	*thread = NULL;
}

enum err
bgthread_submit(struct bgthread *t, struct job *job)
{
	if (bgthread_jobs(t) == t->max_jobs)
		return ERR_FULL;
	must(pthread_mutex_lock(&t->lock));
	t->jobs[t->n_submitted % t->max_jobs] = job;
	t->n_submitted++;
	must(pthread_cond_signal(&t->has_work));
	must(pthread_mutex_unlock(&t->lock));
	return ERR_OK;
}

size_t
bgthread_jobs(const struct bgthread *t)
{
	return (size_t)(t->n_submitted - t->n_done);
}
