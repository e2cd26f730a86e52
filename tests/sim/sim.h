/* SPDX-License-Identifier: BSD-2-Clause */
/* sim: the simulated relay: what exists, and what the oracle knows of it. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/core/worker.h"
#include "shaper/core/bucket.h"
#include "tests/sim/history.h"

#define SIM_WORKERS 3
#define SIM_SLOTS 48
#define SIM_WRITERS 2
#define SIM_DOMAINS 24
#define SIM_PROVIDERS 6
#define SIM_CONNS 256
#define SIM_PARTS 3        /* of a message */
#define SIM_RCPTS 3        /* of a part */
#define SIM_PARTS_MAX 6000 /* in the core: the bound is met */
#define SIM_AHEAD 2
#define SIM_SEGMENT_RECORDS 150
#define SIM_PENDING 512
#define SIM_LIFE_MS INT64_C(7200000)
#define SIM_DELAY_MS INT64_C(900000)
#define SIM_NOTICES SIM_PROVIDERS /* our own site, among the providers */

/* What the oracle knows of one recipient. */
struct sim_rcpt {
	uint32_t delivered; /* how often the sink took it */
	uint32_t doubts;    /* possibly delivered, says the ledger */
	uint32_t told;      /* how often its sender was told how it ended */
	uint32_t told_doubts;
	bool tells_success; /* its sender wants to know of that too */
	bool will_bounce;
	uint8_t defers; /* refusals for now still to come */
};

struct sim_part {
	uint16_t domain;
	uint8_t n_rcpts;
	uint32_t tries; /* results of attempts that workers made */
	bool is_done;   /* the ledger says so */
	uint32_t delays, delay_doubts; /* told */
	struct sim_rcpt rcpts[SIM_RCPTS];
};

/* An accepted message: durable from the beginning. */
struct sim_msg {
	struct qid qid;
	uint64_t segment;
	uint32_t seg; /* its place in sim.segs */
	uint32_t block;
	uint8_t n_parts;
	uint8_t tenant;
	int64_t came_ms, heard_ms;
	bool is_silent;
	bool wants_delay;
	bool is_announced; /* the core has heard of it, in this life */
	bool is_poison;    /* may kill its worker */
	struct sim_part parts[SIM_PARTS];
};

struct sim_segment {
	uint64_t number;
	uint16_t writer;
	uint32_t n_records;
	uint32_t n_unheard;
	bool is_sealed;
	bool is_gone;
};

enum entry_kind {
	ENTRY_PART,
	ENTRY_ORDER,
	ENTRY_SEGMENT,
	ENTRY_BITS,
	ENTRY_FORGET
};

/* Of the ledger or a checkpoint. Keys are told by the message. */
struct sim_entry {
	enum entry_kind kind;
	bool has_key;
	uint32_t more; /* entries that are one with this and follow it */
	struct part_state part;
	struct order order;
	uint64_t segment;
	uint16_t writer;
	uint32_t blocks;
	uint8_t bits[SIM_SEGMENT_RECORDS / 8 + 2];
};

struct sim_file {
	struct sim_entry *entries;
	size_t n, cap;
};

/* A change that qmgr has in its hands, and not in the ledger. */
struct sim_pending {
	struct sim_entry entry;
	struct core_freed freed;
};

enum conn_phase { CONN_FREE, CONN_OPENING, CONN_UP, CONN_CLOSING };

struct sim_conn {
	enum conn_phase phase;
	uint32_t number;
	uint32_t worker;
	uint32_t provider;
	int64_t at_ms; /* OPENING: when it is decided */
	bool is_broken;
};

/* Slot page and worker in one: the page part outlives qmgr. */
struct sim_slot {
	bool is_filled;
	uint64_t lease;
	uint32_t msg, part;
	enum slot_phase phase;
	bool is_on_way; /* sent, and not received by the worker */
	bool is_held;
	bool has_result;
	bool is_told; /* to this qmgr */
	uint32_t conn;
	enum notice_kind notice;
	uint64_t flush; /* a notice is not sent before this one */
	uint8_t standing[SIM_RCPTS];
	struct core_result result;
	struct core_rcpt rcpts[SIM_RCPTS];
};

struct sim_worker {
	bool is_alive;
	bool is_known; /* to this qmgr: it has told what it holds */
	int64_t back_ms;
	struct sim_slot slots[SIM_SLOTS];
};

enum provider_mood { MOOD_WELL, MOOD_DOWN, MOOD_THROTTLING, MOOD_N };

struct sim_provider {
	enum provider_mood mood;
	uint32_t refusals; /* in a row */
	int64_t refused_ms;
	uint32_t bears;   /* connections; the next is told 421 */
	int64_t opens_ms; /* begin of the second that is counted */
	uint32_t opens;
	struct bucket rate; /* of messages; some have one */
};

struct sim {
	struct core *core;
	int64_t now_ms, wall_ms;
	bool is_calm; /* the end: nothing breaks any more */
	bool is_shaper_up;
	uint64_t doom_step; /* when qmgr dies, 0: not planned */
	int64_t restarted_ms;
	int64_t stirred_ms; /* last restart or retry: outages are forgotten */

	struct sim_msg *msgs;
	uint32_t n_msgs, max_msgs;
	struct sim_segment *segs;
	uint32_t n_segs, max_segs;
	uint32_t open_seg[SIM_WRITERS];
	int64_t last_qid_ms[SIM_WRITERS];
	uint32_t *unheard; /* messages that no admit announced */
	uint32_t n_unheard;
	uint64_t found_parts, unheard_parts; /* Q6 */
	uint32_t looked_at;                  /* the message looked at last */

	/* The older checkpoint is kept, and the ledger from its begin on. */
	struct sim_file ledger, checkpoint, older_checkpoint, next_checkpoint;
	size_t n_synced;
	size_t replay_from; /* place in the ledger: checkpoint's begin */
	bool has_older;
	bool is_checkpointing;
	bool is_ledger_failing; /* nothing can be appended */
	size_t checkpoint_from; /* where next_checkpoint began */
	uint32_t checkpoint_part;
	uint64_t checkpoint_seg;
	struct sim_pending *pending;
	size_t n_pending, max_pending;
	uint64_t n_flushes;

	struct sim_worker workers[SIM_WORKERS];
	struct sim_conn conns[SIM_CONNS];
	struct sim_provider providers[SIM_PROVIDERS + 1];
	uint32_t next_conn;

	struct {
		uint64_t leases, opens, deliveries, doubles, bounces, restarts,
		    power_losses, deaths, throttles, downs, unheard, full,
		    checks, checkpoints, passed_over, ledger_faults, retries,
		    jumps, orphans, forgotten, told, told_twice, delays, orders,
		    ordered;
	} count;
};

static struct sim sim;

static inline void *
sim_room(void *items, size_t *cap, size_t n, size_t item_bytes)
{
	if (n < *cap)
		return items;
	*cap = *cap == 0 ? 64 : *cap * 2;
	items = realloc(items, *cap * item_bytes);
	SIM_REQUIRE(items != NULL, "no memory");
	return items;
}

static inline struct sim_msg *
sim_msg_of(const struct qid *qid)
{
	uint32_t i = (uint32_t)qid->b[12] << 24 | (uint32_t)qid->b[13] << 16 |
	    (uint32_t)qid->b[14] << 8 | qid->b[15];

	SIM_REQUIRE(i < sim.n_msgs, "a qid that was never given");
	SIM_REQUIRE(qid_cmp(&sim.msgs[i].qid, qid) == 0, "a wrong qid");
	return &sim.msgs[i];
}

/* What was remembered of the part is lost: all of it may happen again. */
static inline void
sim_doubt(struct sim_part *p)
{
	p->delay_doubts++;
	for (uint32_t i = 0; i < SIM_RCPTS; i++) {
		p->rcpts[i].doubts++;
		p->rcpts[i].told_doubts++;
	}
}

static inline struct str
sim_domain(uint32_t i)
{
	static char names[SIM_DOMAINS][8];

	names[i][0] = 'd';
	names[i][1] = (char)('a' + i);
	return (struct str){ names[i], 2 };
}

static inline uint32_t
sim_provider_of(struct str domain)
{
	return (uint32_t)(domain.ptr[1] - 'a') % SIM_PROVIDERS;
}

static inline struct str
sim_tenant(uint32_t i)
{
	static const char *const names[] = { "", "w1", "w3", "w9" };

	return str_from_c(names[i % 4]);
}

static inline struct str
sim_provider_name(uint32_t i)
{
	static const char *const names[SIM_PROVIDERS + 1] = { "p0", "p1", "p2",
		"p3", "p4", "p5", "notice" };

	return str_from_c(names[i]);
}

static inline struct str
sim_source_name(uint32_t provider)
{
	return provider == SIM_NOTICES ? STR("local") : STR("default");
}

#endif /* TESTS_SIM_SIM_H */
