/* SPDX-License-Identifier: BSD-2-Clause */
/* master: the state of a running relay as a whole. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/core/child.h"
#include "master/listen.h"
#include "master/state.h"
#include "util/conf/conf.h"
#include "util/io/loop.h"
#include "util/proto/chan.h"
#include "util/svc/page.h"

/* As params.def bounds them. */
#define WORKERS_MAX 64
#define CHILDREN_MAX (2 * WORKERS_MAX + 2)

/* As messages.def bounds them. */
#define WORDS_BYTES 1025
#define TROUBLE_BYTES 1200

struct master;
struct program;
struct control;
struct report;
struct upgrade;

/* One daemon. */
struct child {
	struct master *master;
	const struct program *program;
	uint32_t number; /* of its kind, from 1 */
	struct child_fate fate;
	struct timer due;
	struct timer look;    /* whether it shows signs of life */
	struct chan *chan;    /* our end of the status pair, or NULL */
	pid_t pid;            /* 0: none */
	int page_fd;          /* they stay as long as master does */
	int slots_fd;         /* deliver, else -1 */
	struct page *page;    /* what it publishes */
	uint32_t generation;  /* of the configuration that it has */
	int64_t restarted_ms; /* wall clock, 0: never */
	bool is_stuck;        /* said so */
	bool is_reaped;       /* it has ended, as wait_status says */
	int wait_status;
	char words[WORDS_BYTES];     /* what fatal() said; empty: nothing */
	char trouble[TROUBLE_BYTES]; /* how it ended last, unasked; or empty */
};

enum master_phase {
	MASTER_STARTING,
	MASTER_RUNNING,
	MASTER_UPGRADING, /* its children end; then another program goes on */
	MASTER_STOPPING
};

/* The sockets in run/: master's own, and those of the children. */
enum run_place {
	RUN_MASTER,
	RUN_QMGR,
	RUN_SHAPER,
	RUN_SUBMIT,
	RUN_NOTICE,
	RUN_N
};

struct master {
	struct loop *loop;
	const char *conf_path; /* absolute */
	bool is_foreground;
	bool is_reloading; /* said so to the service manager */
	enum master_phase phase;
	int exit_status;
	int64_t stop_began_ms;
	struct conf *conf;
	int conf_fd; /* snapshot of it, for the children */
	uint32_t generation;
	uint32_t spawns;
	int64_t started_ms; /* wall clock */
	int64_t loaded_ms;
	struct state state;
	const char *run_dir;
	int run_fds[RUN_N];
	struct listeners listeners;
	struct child children[CHILDREN_MAX];
	uint32_t n_children;
	struct control *control;
	struct report *report;
	struct upgrade *upgrade; /* NULL: none is under way */
	struct turn_end exec;    /* the end of one */
};

/* Begins to stop; again does nothing. status: of this process at the end. */
void master_stop(struct master *m, int status);

/* A child's state has changed: looks at what follows for the whole. */
void master_changed(struct master *m);

/* Whether mail is taken: all children are up. */
bool master_is_ready(const struct master *m);

#endif /* MASTER_MASTER_H */
