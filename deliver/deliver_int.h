/* SPDX-License-Identifier: BSD-2-Clause */
/* deliver_int: what the files of a delivery worker share. */
#ifndef DELIVER_DELIVER_INT_H
#define DELIVER_DELIVER_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/core/ehlo.h"
#include "deliver/core/facts.h"
#include "deliver/core/verdict.h"
#include "deliver/segments.h"
#include "util/base/arena.h"
#include "util/base/index.h"
#include "util/base/list.h"
#include "util/base/slab.h"
#include "util/io/buf.h"
#include "util/io/loop.h"
#include "util/mail/dotsend.h"
#include "util/mail/outcome.h"
#include "util/mail/part.h"
#include "util/mail/reply.h"
#include "util/spool/segread.h"
#include "util/svc/page.h"
#include "util/svc/peer.h"
#include "util/svc/svc.h"
#include "util/text/str.h"

/* Connections at once; qmgr opens no more than its own bound. */
#define CONNS_MAX 65536

/* Longest text of what went wrong: MSG_CONN_DOWN has as much room. */
#define TEXT_MAX_BYTES 1024

/* --- leases --------------------------------------------------------------- */

/* FREE -> WAITING by the lease, -> ACTIVE by its transaction, -> DONE by its
 * result, -> FREE by its acknowledgement. What is never begun goes from WAITING
 * to DONE. */
enum lease_state { LEASE_FREE, LEASE_WAITING, LEASE_ACTIVE, LEASE_DONE };

/* One for each slot. */
struct lease {
	struct link link; /* WAITING: in its connection's list */
	struct deliver *d;
	struct segment *segment; /* held; NULL: not there, or DONE */
	uint64_t number;
	struct qid qid;
	uint32_t conn; /* number of its connection */
	uint32_t block;
	uint16_t slot, part, tries;
	uint16_t n_standing; /* bytes of standing */
	uint8_t state;       /* enum lease_state */
	uint8_t notice;      /* enum notice_kind: then what follows counts */
	bool is_over;        /* qmgr took it back: no result is owed */
	char *texts;         /* memory of these two; NULL: both are empty */
	struct str facts, reason;
	int64_t facts_ms; /* wall clock; 0: not known */
	uint8_t standing[PART_STANDING_BYTES];
	char *kept; /* DONE: encoded RESULT, until it is acknowledged */
	size_t kept_bytes, kept_cap;
};

/* --- connections ---------------------------------------------------------- */

/* States of a connection: rows of the table in conn.c. */
enum conn_state {
	CONN_CONNECTING,
	CONN_GREETING,
	CONN_EHLO,
	CONN_HELO,
	CONN_LHLO, /* RFC 2033 */
	CONN_IDLE,
	CONN_BUSY, /* in a transaction: rows of the table in txn.c */
	CONN_RSET,
	CONN_QUIT,
	CONN_GONE, /* reported; its memory goes at the end of the turn */
	CONN_STATE_N
};

/* Time limits of the site, by stage. */
struct limits {
	uint32_t stage_ms[STAGE_N];
	uint32_t attempt_ms;
};

/* Why a host was passed over. */
struct failure {
	struct str host, address;
	char *text; /* allocated; NULL: there was none */
	size_t text_bytes;
	enum smtp_stage stage;
	uint16_t code; /* 0: there was no reply */
};

struct txn;

struct conn {
	struct link link; /* in deliver.conns, when GONE in deliver.dead */
	struct deliver *d;
	struct watch watch; /* while fd >= 0 */
	struct timer timer;
	struct buf in; /* the beginning of a reply */
	struct buf out;
	struct list waiting; /* leases not begun */
	struct txn *txn;     /* whose replies come now */
	struct txn *next;    /* sent behind its dot (RFC 2920 3.1) */
	struct limits limits;
	struct ehlo ehlo;
	char *names;     /* memory of the views below */
	struct str site; /* "SOURCE->PROVIDER" */
	struct str source, provider;
	struct str hosts; /* list of HOST: those not tried */
	struct str host, address;
	struct failure failure; /* the most telling of the hosts before */
	int64_t attempt_end_ms; /* INT64_MAX: no attempt is under way */
	int64_t since_ms;       /* when the trial of this host began */
	int fd;
	uint32_t number, handle;
	uint32_t n_messages;
	uint32_t until_dot; /* bytes in out up to the end of a dot */
	uint8_t state;      /* enum conn_state */
	uint8_t transport;  /* enum transport */
	bool is_closing;    /* QUIT when nothing is in hand */
	bool has_content;   /* of txn, still to be put into out */
	bool has_more;      /* bytes have come behind the last reply */
	bool has_moved;     /* to another host, once it was up */
};

/* What came, for the tables. */
struct input {
	enum answer answer;
	const struct reply *reply; /* NULL: none */
	uint32_t wait_ms;
	const char *text; /* instead of a reply: "connection closed" */
};

/* --- the process ---------------------------------------------------------- */

struct deliver {
	struct svc *svc;
	struct loop *loop;
	struct peer *qmgr; /* NULL once hung up */
	struct slot_page *slots;
	struct lease *leases; /* by slot */
	unsigned n_slots;
	unsigned n_done; /* leases whose result is not acknowledged */
	bool is_linked;  /* qmgr has heard what we hold */
	struct segments segments;
	struct index conn_ids; /* number -> handle */
	struct slab conn_slab;
	struct list conns;
	struct list dead;
	struct turn_end bury;
	struct list txn_pool;
	struct timer leave; /* stopping: frames are not all written */
};

#endif /* DELIVER_DELIVER_INT_H */
