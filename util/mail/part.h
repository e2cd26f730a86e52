/* SPDX-License-Identifier: BSD-2-Clause */
/* part: what is remembered of a part: in memory, in the ledger, in frames. */
#ifndef UTIL_MAIL_PART_H
#define UTIL_MAIL_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mail/qid.h"
#include "util/text/str.h"

/* Most recipients of one part; a domain with more gets further parts. */
#define PART_RCPTS_MAX 256
#define PART_STANDING_BYTES (PART_RCPTS_MAX / 4)

/* Where a part is. The numbers are in the ledger: append only. */
#define PART_STATE_TABLE(X) \
	X(PART_WAITING, "waiting") \
	X(PART_READY, "ready") \
	X(PART_LEASED, "leased") \
	X(PART_HELD, "held") \
	X(PART_DONE, "done")

enum part_status {
#define PART_STATE_ENUM(name, text) name,
	PART_STATE_TABLE(PART_STATE_ENUM)
#undef PART_STATE_ENUM
	    PART_STATE_N
};

/* How one recipient stands. Two bits each; numbers are in the ledger. */
enum rcpt_standing {
	RCPT_OPEN,      /* to be delivered */
	RCPT_DELIVERED, /* a 2xx after the dot */
	RCPT_OWED,      /* settled; the sender is owed a notice of it */
	RCPT_TOLD,      /* settled; the notice is sent, or none is due */
};

/* Why a part is in its state. The numbers are in the ledger: append only. */
#define PART_CAUSE_TABLE(X) \
	X(CAUSE_NEW, "accepted") \
	X(CAUSE_DELIVERED, "delivered") \
	X(CAUSE_DEFERRED, "deferred") \
	X(CAUSE_BOUNCED, "bounced") \
	X(CAUSE_EXPIRED, "expired") \
	X(CAUSE_THROTTLED, "throttled") \
	X(CAUSE_SITE_DOWN, "site down") \
	X(CAUSE_RETURNED, "lease returned") \
	X(CAUSE_RECOVERED, "recovered") \
	X(CAUSE_WORKER_DIED, "worker died") \
	X(CAUSE_POSSIBLY_DELIVERED, "possibly delivered") \
	X(CAUSE_DAMAGED, "damaged") \
	X(CAUSE_MISSING, "record missing") \
	X(CAUSE_OPERATOR, "operator") \
	X(CAUSE_DEATHS, "too many deaths")

enum part_cause {
#define PART_CAUSE_ENUM(name, text) name,
	PART_CAUSE_TABLE(PART_CAUSE_ENUM)
#undef PART_CAUSE_ENUM
	    PART_CAUSE_N
};

/* The queue that a part is in; views, lower-case domain. Empty tenant or
 * campaign: none. */
struct queue_key {
	struct str tenant;
	struct str campaign;
	struct str domain;
};

/*
 * The absolute state of one part: an entry that holds it needs no other to be
 * understood, so replay may begin anywhere. Times are wall clock ms: they
 * outlive a boot. The arrival time is the qid's.
 */
struct part_state {
	struct qid qid;
	uint64_t segment;     /* number of the file that holds the record */
	uint32_t block;       /* of the record's header: offset / 4096 */
	uint16_t part;        /* number within the message, from 0 */
	uint16_t n_rcpts;     /* 1 to PART_RCPTS_MAX */
	uint8_t state;        /* enum part_status */
	uint8_t cause;        /* enum part_cause */
	uint8_t deaths;       /* of workers that had it in transaction (Q13) */
	uint8_t throttles;    /* after MAIL, in a row (Q9) */
	uint8_t is_silent;    /* 1: null sender: no notice is ever owed */
	uint8_t wants_delay;  /* 1: its delay is to be told, and was not yet */
	uint16_t tries;       /* counted attempts */
	uint16_t last_code;   /* of the last reply, 0: none yet */
	int64_t due_ms;       /* next try; 0 when not WAITING */
	int64_t first_try_ms; /* 0: none yet */
	int64_t last_try_ms;  /* 0: none yet */
	uint64_t lease;       /* number of the last lease, 0: none yet */
	uint64_t order;       /* of a person, that made it so; 0: none */
	uint64_t facts_file;  /* in a checkpoint: where the ledger says why a */
	uint64_t facts_offset; /* notice is owed (batch); file 0: not said */
	struct queue_key key;  /* domain empty: as known already */
	bool is_moved;         /* an order gave it the key: it had another */
	uint8_t standing[PART_STANDING_BYTES]; /* part_standing_get/set */
};

/* English for a state or cause, in static storage; "?" for a stray number. */
const char *part_state_text(unsigned state);
const char *part_cause_text(unsigned cause);

/* Whether a recipient of the part is settled and the sender was not told. */
bool part_owes_notice(const struct part_state *state);

/* Standing of recipient i of a packed table; i < PART_RCPTS_MAX. */
static inline enum rcpt_standing
part_standing_get(const uint8_t *standing, unsigned i)
{
	return (enum rcpt_standing)(standing[i / 4] >> (i % 4 * 2) & 3);
}

static inline void
part_standing_set(uint8_t *standing, unsigned i, enum rcpt_standing to)
{
	unsigned shift = i % 4 * 2;

	standing[i / 4] = (uint8_t)((standing[i / 4] & ~(3u << shift)) |
	    (unsigned)to << shift);
}

#endif /* UTIL_MAIL_PART_H */
