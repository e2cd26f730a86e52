/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: slots, phases, results. */
#include "deliver/lease.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/conn.h"
#include "deliver/deliver_int.h"
#include "deliver/work.h"
#include "util/base/fatal.h"

#define RCPTS_MAX_BYTES 8192
/* Of an encoded RESULT: lists, facts, and the fields around them. */
#define RESULT_MAX_BYTES (RCPTS_MAX_BYTES + FACTS_MAX_BYTES + 256)

void
lease_init_all(struct deliver *d)
{
	d->n_slots = slot_page_n(d->slots);
	d->leases = calloc(d->n_slots, sizeof(*d->leases));
	if (d->leases == NULL)
		fatal("no memory for %u leases", d->n_slots);
	for (unsigned i = 0; i < d->n_slots; i++) {
		d->leases[i].d = d;
		d->leases[i].slot = (uint16_t)i;
	}
}

static void
drop_texts(struct lease *l)
{
	free(l->texts);
	l->texts = NULL;
	l->facts = l->reason = (struct str){ NULL, 0 };
}

void
lease_fini_all(struct deliver *d)
{
	for (unsigned i = 0; i < d->n_slots; i++) {
		segment_drop(&d->leases[i].segment);
		drop_texts(&d->leases[i]);
		free(d->leases[i].kept);
	}
	free(d->leases);
	d->leases = NULL;
}

static void
set_free(struct lease *l)
{
	if (l->state == LEASE_DONE)
		l->d->n_done--;
	segment_drop(&l->segment);
	drop_texts(l);
	l->state = LEASE_FREE;
	l->number = 0;
	l->kept_bytes = 0;
	l->is_over = false;
}

/* The lease is over whatever we do. */
static void
revoke(struct lease *l)
{
	struct conn *c = conn_find(l->d, l->conn);

	switch ((enum lease_state)l->state) {
	case LEASE_WAITING:
		if (c != NULL && link_is_listed(&l->link))
			list_remove(&c->waiting, &l->link);
		break;
	case LEASE_ACTIVE:
		l->is_over = true;
		BUG_IF(c == NULL);
		conn_break_off(c, "the lease was taken back");
		break;
	case LEASE_FREE:
	case LEASE_DONE:
		break;
	}
	set_free(l);
}

/* What a notice is made of, and other leases do without. */
static void
take_texts(struct lease *l, const struct msg_lease *m)
{
	struct outbuf out = { .cap = m->facts.len + m->reason.len };

	l->notice = m->notice;
	l->facts_ms = m->facts_ms;
	if (m->notice == NOTICE_NONE || out.cap == 0)
		return;
	out.ptr = malloc(out.cap);
	if (out.ptr == NULL)
		fatal("no memory for a lease");
	outbuf_put(&out, m->facts);
	outbuf_put(&out, m->reason);
	l->texts = out.ptr;
	l->facts = str_head(outbuf_str(&out), m->facts.len);
	l->reason = str_tail(outbuf_str(&out), m->facts.len);
}

struct lease *
lease_take(struct deliver *d, const struct msg_lease *m)
{
	struct lease *l;

	if (m->slot >= d->n_slots || m->lease == 0)
		return NULL;
	l = &d->leases[m->slot];
	revoke(l);
	l->state = LEASE_WAITING;
	l->number = m->lease;
	l->qid = m->qid;
	l->conn = m->conn;
	l->block = m->block;
	l->part = m->part;
	l->tries = m->tries;
	l->n_standing = (uint16_t)m->standing.len;
	if (l->n_standing > 0)
		memcpy(l->standing, m->standing.ptr, l->n_standing);
	l->segment = segments_hold(&d->segments, m->place, m->segment);
	take_texts(l, m);
	return l;
}

bool
lease_raise(struct lease *l, enum slot_phase phase)
{
	/* RANGE: it was as far with another host. */
	return !l->is_over &&
	    slot_raise(l->d->slots, l->slot, l->number, phase) != ERR_NOTFOUND;
}

/* Room for n bytes of result. Results are never given up (Q7): without memory
 * for one the process ends, and its slots say what it had. */
static void
reserve(struct lease *l, size_t n)
{
	char *kept;

	if (n <= l->kept_cap)
		return;
	kept = realloc(l->kept, n);
	if (kept == NULL)
		fatal("no memory for a result");
	l->kept = kept;
	l->kept_cap = n;
}

static void
keep(struct lease *l, const struct msg_result *m)
{
	struct outbuf out;

	reserve(l, msg_bytes(MSG_RESULT, m));
	out = (struct outbuf){ l->kept, 0, l->kept_cap };
	/* All fields are ours, and within their bounds. */
	BUG_IF(msg_result_encode(&out, m) != ERR_OK);
	l->kept_bytes = out.len;
}

void
lease_done(struct lease *l, const struct facts *facts,
    const struct lease_result *result)
{
	static char bytes[FACTS_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct msg_result m = {
		.conn = l->conn,
		.slot = l->slot,
		.lease = l->number,
		.qid = l->qid,
		.part = l->part,
		.outcome = (uint8_t)facts->outcome,
		.is_doubtful = facts->is_doubtful,
	};

	BUG_IF(l->state != LEASE_WAITING && l->state != LEASE_ACTIVE);
	if (l->is_over)
		return;
	facts_write(facts, &out);
	m.facts = outbuf_str(&out);
	if (result != NULL) {
		m.code = result->code;
		m.is_after_mail = result->is_after_mail;
		m.rcpts = result->rcpts;
	}
	segment_drop(&l->segment);
	drop_texts(l);
	l->state = LEASE_DONE;
	l->d->n_done++;
	keep(l, &m);
	work_send_result(l->d, &m);
}

void
lease_give_back(
    struct lease *l, enum outcome outcome, struct str site, const char *text)
{
	struct facts facts = {
		.site = site,
		.outcome = outcome,
		.stage = STAGE_IDLE,
		.reply = str_from_c(text),
		.tries = l->tries,
	};

	lease_done(l, &facts, NULL);
}

void
lease_acknowledge(struct deliver *d, const struct msg_result_ack *m)
{
	struct lease *l;

	if (m->slot >= d->n_slots)
		return;
	l = &d->leases[m->slot];
	if (l->state != LEASE_FREE && l->number == m->lease)
		revoke(l);
}

void
lease_tell_held(struct deliver *d)
{
	for (unsigned i = 0; i < d->n_slots; i++)
		if (d->leases[i].state != LEASE_FREE)
			work_send_hold(d, &d->leases[i]);
}

void
lease_send_kept(struct deliver *d)
{
	struct msg_result m;

	for (unsigned i = 0; i < d->n_slots; i++) {
		struct lease *l = &d->leases[i];

		if (l->state != LEASE_DONE)
			continue;
		BUG_IF(msg_result_decode(&m,
		           (struct str){ l->kept, l->kept_bytes }) != ERR_OK);
		work_send_result(d, &m);
	}
}
