/* SPDX-License-Identifier: BSD-2-Clause */
/* intake: admission of records, and of those there was no room for. */
#include "qmgr/intake.h"

#include <stdlib.h>
#include <string.h>

#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "qmgr/worker.h"
#include "util/base/fatal.h"
#include "util/base/index.h"
#include "util/base/slab.h"
#include "util/log/log.h"
#include "util/spool/envelope.h"
#include "util/spool/record.h"

/* Unadmitted records that are read again in one second. */
#define RETRY_SLICE 256
/* One that was asked for so often and never came is gone, or is damaged, which
 * is for the scan to tell: else new mail would be refused for ever. */
#define ASKS_MAX 60

struct place {
	uint64_t segment;
	uint32_t block;
};

/* A record without room. */
struct unadmitted {
	struct place place;
	uint32_t asks; /* since it was seen last */
};

struct intake {
	struct qmgr *q;
	struct slab unadmitted;
	struct index by_place; /* handles, by segment and block */
	uint32_t cursor;       /* of the walk over them */
	int64_t retry_ms;
	uint64_t found; /* messages, since the beginning of the spool */
	/* Room for the largest message: touched as far as one needs. */
	struct core_admit_part *parts;
	struct part_state *states;
};

struct intake *
intake_new(struct qmgr *q)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (in == NULL)
		fatal("no memory to begin with");
	in->q = q;
	slab_init(
	    &in->unadmitted, sizeof(struct unadmitted), INTAKE_UNADMITTED_MAX);
	index_init(&in->by_place, INTAKE_UNADMITTED_MAX);
	in->parts = calloc(ENVELOPE_PARTS_MAX, sizeof(*in->parts));
	in->states = calloc(ENVELOPE_PARTS_MAX, sizeof(*in->states));
	if (in->parts == NULL || in->states == NULL)
		fatal("no memory to begin with");
	return in;
}

/* --- records without room ------------------------------------------------- */

/* The bytes of *p are the key: it is zeroed whole, padding too. */
static struct key
place_key(struct place *p, uint64_t segment, uint32_t block)
{
	memset(p, 0, sizeof(*p));
	p->segment = segment;
	p->block = block;
	return (struct key){ p, sizeof(*p) };
}

static void
note_unadmitted(struct intake *in, const struct record_head *head,
    uint32_t block, const char *reason)
{
	struct place place;
	struct key key = place_key(&place, head->number, block);
	uint32_t handle = index_find(&in->by_place, key);
	struct unadmitted *u;

	if (handle != 0) {
		u = slab_get(&in->unadmitted, handle);
		u->asks = 0;
		return;
	}
	handle = slab_alloc(&in->unadmitted);
	/* Too many to remember: the scan comes by there again. */
	if (handle == 0)
		return;
	if (index_put(&in->by_place, key, handle) != ERR_OK) {
		slab_free_item(&in->unadmitted, handle);
		return;
	}
	in->found++;
	u = slab_get(&in->unadmitted, handle);
	u->place = place;
	LOG(EV_MESSAGE_UNADMITTED, KV_QID("qid", &head->qid),
	    KV_CSTR("reason", reason),
	    KV_NUM("unadmitted", slab_n(&in->unadmitted)));
}

/* It was admitted, or is none that can be, or is gone. */
static void
forget_unadmitted(struct intake *in, uint64_t segment, uint32_t block)
{
	struct place place;
	uint32_t handle;

	if (slab_n(&in->unadmitted) == 0)
		return;
	handle = index_remove(&in->by_place, place_key(&place, segment, block));
	if (handle == 0)
		return;
	in->found--;
	slab_free_item(&in->unadmitted, handle);
}

uint64_t
intake_unadmitted(const struct intake *in)
{
	return slab_n(&in->unadmitted);
}

void
intake_begin(struct intake *in)
{
	struct core_accounts a;

	core_accounts(in->q->core, &a);
	in->found = a.messages_admitted;
}

uint64_t
intake_found(const struct intake *in)
{
	return in->found;
}

bool
intake_is_unadmitted(const struct intake *in, uint64_t segment, uint32_t block)
{
	struct place place;

	return index_find(&in->by_place, place_key(&place, segment, block)) !=
	    0;
}

void
intake_tick(struct intake *in, int64_t now_ms)
{
	if (now_ms < in->retry_ms)
		return;
	in->retry_ms = now_ms + INTAKE_RETRY_MS;
	worker_retry_kept(in->q);
	for (int i = 0; i < RETRY_SLICE; i++) {
		struct unadmitted *u;

		in->cursor = slab_next(&in->unadmitted, in->cursor);
		if (in->cursor == 0)
			return;
		u = slab_get(&in->unadmitted, in->cursor);
		if (u->asks++ < ASKS_MAX)
			store_read_record(
			    in->q->store, u->place.segment, u->place.block);
		else
			forget_unadmitted(in, u->place.segment, u->place.block);
	}
}

/* --- admission ------------------------------------------------------------ */

/* The null sender is told nothing. */
static bool
wants_delay(const struct record_head *head, const struct envelope *env)
{
	return (head->flags & RECORD_NOTIFY_DELAY) != 0 &&
	    env->texts.sender.len > 0;
}

/* The parts that the envelope lists, for the core and for the ledger. */
static void
collect_parts(struct intake *in, const struct record_head *head, uint32_t block,
    const struct envelope *env)
{
	struct envelope_iter it;
	struct envelope_part part;

	envelope_iter_init(&it, env);
	while (envelope_next_part(&it, &part)) {
		in->parts[part.number] = (struct core_admit_part){
			.domain = part.domain,
			.n_rcpts = part.n_rcpts,
		};
		in->states[part.number] = (struct part_state){
			.qid = head->qid,
			.segment = head->number,
			.block = block,
			.part = part.number,
			.n_rcpts = part.n_rcpts,
			.state = PART_READY,
			.cause = CAUSE_NEW,
			.is_silent = env->texts.sender.len == 0,
			.wants_delay = wants_delay(head, env),
			.key = { env->texts.tenant, env->texts.campaign,
			    part.domain },
		};
	}
}

static enum err
admit(struct intake *in, const struct record_head *head, uint32_t block,
    struct str envelope)
{
	struct qmgr *q = in->q;
	struct envelope env;
	struct entry_parts entry;
	struct core_admit admit;
	enum err err = envelope_parse(&env, envelope);

	if (err != ERR_OK)
		return err;
	if (!journal_can_admit(q->journal, q->n_leases,
	        envelope.len + env.n_parts * sizeof(struct part_state)))
		return ERR_FULL;
	collect_parts(in, head, block, &env);
	admit = (struct core_admit){
		.qid = head->qid,
		.segment = head->number,
		.block = block,
		.n_parts = env.n_parts,
		.parts = in->parts,
		.tenant = env.texts.tenant,
		.campaign = env.texts.campaign,
		.is_silent = env.texts.sender.len == 0,
		.wants_delay = wants_delay(head, &env),
	};
	err = core_admit(q->core, &admit);
	if (err != ERR_OK)
		return err;
	entry = (struct entry_parts){
		.parts = in->states,
		.n = env.n_parts,
		.blocks = record_blocks(head),
	};
	/* One Reception event. */
	journal_put_parts(q->journal, &entry, envelope, 1);
	return ERR_OK;
}

enum err
intake_front(struct qmgr *q, uint64_t segment, uint32_t block, struct str front)
{
	struct intake *in = q->intake;
	struct record_head head;
	struct str envelope;
	enum err err = record_decode(&head, front, NULL, &envelope);

	if (err != ERR_OK)
		return ERR_SYNTAX;
	if (head.number != segment)
		return ERR_SYNTAX;
	turn_begin(q);
	err = admit(in, &head, block, envelope);
	turn_act(q);
	if (err == ERR_OK)
		in->found++;
	if (err == ERR_FULL)
		note_unadmitted(in, &head, block, "no room");
	else
		forget_unadmitted(in, segment, block);
	return err == ERR_RANGE ? ERR_SYNTAX : err;
}

enum err
intake_admit(struct qpeer *peer, struct str body)
{
	struct qmgr *q = peer->q;
	struct msg_admit m;
	enum err err = msg_admit_decode(&m, body);

	if (err != ERR_OK)
		return err;
	store_heard(q->store, m.segment);
	if (m.head.len == 0) {
		store_read_record(q->store, m.segment, m.block);
		return ERR_OK;
	}
	err = intake_front(q, m.segment, m.block, m.head);
	/* A hint that makes no sense is no reason to end smtpd's connection:
	 * what is on disk counts, and the scan reads that. */
	if (err == ERR_SYNTAX)
		LOG(EV_PEER_BROKEN, KV_CSTR("peer", "smtpd"),
		    KV_NUM("pid", peer->pid), KV_CSTR("frame", "ADMIT"),
		    KV_CSTR("fault", "its head is no record"));
	return ERR_OK;
}

enum err
intake_sealed(struct qpeer *peer, struct str body)
{
	struct msg_sealed m;
	enum err err = msg_sealed_decode(&m, body);

	if (err == ERR_OK)
		store_heard_sealed(peer->q->store, m.segment);
	return err;
}
