/* SPDX-License-Identifier: BSD-2-Clause */
/* result: what a worker learnt of a part, and what follows from it. */
#include "qmgr/core/core_int.h"

#define MS_PER_S 1000

/* The site that the attempt was made at; NULL: it is gone. */
static struct site *
site_of(const struct core *core, uint32_t conn, const struct part *p)
{
	const struct conn *c = slab_try(&core->conns, conn);
	const struct queue *q = queue_get(core, p->queue);

	if (c != NULL)
		return site_get(core, c->site);
	return q->site == 0 ? NULL : site_get(core, q->site);
}

/* The null sender is never owed anything. */
static enum rcpt_standing
standing_after(const struct part *p, const struct core_rcpt *r)
{
	bool is_owed = r->needs_notice && !p->is_silent;

	switch (r->verdict) {
	case VERDICT_DELIVERED:
		return is_owed ? RCPT_OWED : RCPT_DELIVERED;
	case VERDICT_BOUNCED:
		return is_owed ? RCPT_OWED : RCPT_TOLD;
	case VERDICT_DEFERRED:
	case VERDICT_THROTTLED:
	case VERDICT_N:
		break;
	}
	return RCPT_OPEN;
}

/* Recipients that are not open keep their standing: what was delivered stays
 * so. Returns whether some of them bounced. */
static bool
take_verdicts(struct core *core, struct part *p, const struct core_result *r)
{
	bool has_bounced = false;

	for (uint32_t i = 0; i < r->n_rcpts; i++) {
		const struct core_rcpt *one = &r->rcpts[i];

		if (one->rcpt >= part_n_rcpts(core, p) ||
		    part_standing(core, p, one->rcpt) != RCPT_OPEN)
			continue;
		part_set_standing(core, p, one->rcpt, standing_after(p, one));
		has_bounced = has_bounced || one->verdict == VERDICT_BOUNCED;
	}
	return has_bounced;
}

static void
count_try(struct core *core, struct part *p, uint16_t code)
{
	int64_t s = core->wall_ms / MS_PER_S;

	if (p->tries < UINT16_MAX)
		p->tries++;
	p->throttles = 0;
	p->mark = 0;
	p->last_code = code;
	p->last_try_s = s > 0 && s < UINT32_MAX ? (uint32_t)s : 1;
	if (p->first_try_s == 0)
		p->first_try_s = p->last_try_s;
}

/* A host that takes no more recipients at once has the others right after
 * those: each round delivers some of them, so it comes to an end. */
static bool
may_follow(const struct core_result *r)
{
	bool has_delivered = false, has_more = false;

	for (uint32_t i = 0; i < r->n_rcpts; i++) {
		if (r->rcpts[i].verdict == VERDICT_DEFERRED)
			return false;
		if (r->rcpts[i].verdict == VERDICT_DELIVERED)
			has_delivered = true;
		if (r->rcpts[i].verdict == VERDICT_THROTTLED)
			has_more = true;
	}
	return has_delivered && has_more && !r->is_doubtful;
}

/* Those that nobody has answered for, where the queue wants no second try. */
static void
fail_doubtful(struct core *core, struct part *p, const struct core_result *r)
{
	for (uint32_t i = 0; i < r->n_rcpts; i++) {
		const struct core_rcpt *one = &r->rcpts[i];

		if (one->code == 0 && one->rcpt < part_n_rcpts(core, p) &&
		    part_standing(core, p, one->rcpt) == RCPT_OPEN)
			part_set_standing(core, p, one->rcpt,
			    p->is_silent ? RCPT_TOLD : RCPT_OWED);
	}
}

static void
doubt(struct core *core, uint32_t part, const struct core_result *r)
{
	fate_doubt(core, part, "the connection broke after the dot");
	if (fate_on_doubt(core, part) == ON_DOUBT_BOUNCE)
		fail_doubtful(core, part_get(core, part), r);
}

static void
tried(struct core *core, uint32_t part, const struct core_result *r,
    const struct core_freed *freed)
{
	struct part *p = part_get(core, part);
	enum part_cause cause = CAUSE_DELIVERED;

	if (take_verdicts(core, p, r))
		cause = CAUSE_BOUNCED;
	if (part_is_open(core, p))
		cause = CAUSE_DEFERRED;
	count_try(core, p, r->code);
	if (r->is_doubtful) {
		cause = CAUSE_POSSIBLY_DELIVERED;
		doubt(core, part, r);
	}
	if (may_follow(r) && !part_is_owed(core, p)) {
		p->cause = CAUSE_DEFERRED;
		part_make_ready(core, part);
		fate_remember(core, part, freed);
		return;
	}
	fate_settle(core, part, cause, freed);
}

/* Q9: slows the site and counts nothing; but the third throttle after MAIL of
 * one part, while others passed, is about that part. Whether they did is told
 * by a count that wraps: a false no costs one more round. */
static bool
is_its_own_fault(
    struct part *p, const struct site *s, const struct core_result *r)
{
	if (!r->is_after_mail || s == NULL)
		return false;
	if (p->throttles == 0)
		p->mark = s->passes;
	if (p->throttles + 1 < PART_THROTTLES_MAX) {
		p->throttles++;
		return false;
	}
	return s->passes != p->mark;
}

static void
throttled(struct core *core, uint32_t part, struct site *s,
    const struct core_result *r, const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	if (is_its_own_fault(p, s, r)) {
		count_try(core, p, r->code);
		fate_settle(core, part, CAUSE_THROTTLED, freed);
		return;
	}
	p->cause = CAUSE_THROTTLED;
	p->last_code = r->code;
	part_make_ready(core, part);
	lease_clear(core, freed);
	if (s != NULL)
		health_throttled(core, s, r);
}

static void
returned(struct core *core, uint32_t part, const struct core_freed *freed)
{
	part_get(core, part)->cause = CAUSE_RETURNED;
	part_make_ready(core, part);
	lease_clear(core, freed);
}

static void
damaged(struct core *core, uint32_t part, const struct core_freed *freed)
{
	part_get(core, part)->cause = CAUSE_DAMAGED;
	part_move(core, part, PART_HELD, core->now_ms + PART_HELD_REMIND_MS);
	fate_note(core, part, "held: its record is malformed");
	fate_remember(core, part, freed);
}

/* S6: what cannot be read is tried again. */
static void
unreadable(struct core *core, uint32_t part, const struct core_freed *freed)
{
	part_get(core, part)->cause = CAUSE_RETURNED;
	part_move(
	    core, part, PART_WAITING, core->now_ms + PART_UNREADABLE_WAIT_MS);
	fate_remember(core, part, freed);
}

/* What the lease was for. Of one from before a restart the slot does not tell:
 * it is a notice if only a notice can end so. */
static enum notice_kind
kind_of(const struct slot_entry *e, const struct core_result *r)
{
	if (e->notice != NOTICE_NONE || e->conn != 0)
		return (enum notice_kind)e->notice;
	if (r->outcome == OUTCOME_TOLD ||
	    (r->outcome == OUTCOME_TRIED && r->n_rcpts == 0))
		return NOTICE_DELAY;
	return NOTICE_NONE;
}

static void
take(struct core *core, uint32_t part, struct site *s,
    const struct core_result *r, const struct core_freed *freed)
{
	switch (r->outcome) {
	case OUTCOME_TRIED:
		if (s != NULL)
			health_passed(core, s);
		tried(core, part, r, freed);
		break;
	case OUTCOME_THROTTLED:
		throttled(core, part, s, r, freed);
		break;
	case OUTCOME_RETURNED:
	case OUTCOME_TOLD:
	case OUTCOME_N:
		returned(core, part, freed);
		break;
	case OUTCOME_DAMAGED:
		damaged(core, part, freed);
		break;
	case OUTCOME_UNREADABLE:
		unreadable(core, part, freed);
		break;
	}
}

enum err
core_result(struct core *core, const struct core_result *r)
{
	struct slot_entry *e = lease_slot(core, r->worker, r->slot);
	struct core_freed freed;
	struct site *s;
	struct conn *c;
	enum notice_kind kind;
	uint32_t part;

	if (e == NULL || e->state != CORE_SLOT_OUT || e->lease != r->lease)
		return ERR_EXISTS;
	if (e->part == 0)
		return ERR_AGAIN;
	part = e->part;
	kind = kind_of(e, r);
	s = site_of(core, e->conn, part_get(core, part));
	c = slab_try(&core->conns, e->conn);
	lease_over(core, r->worker, r->slot, &freed);
	if (c != NULL && r->outcome != OUTCOME_THROTTLED &&
	    r->outcome != OUTCOME_RETURNED)
		c->has_passed = true;
	if (kind != NOTICE_NONE && r->outcome != OUTCOME_DAMAGED)
		notice_result(core, part, kind, r, &freed);
	else
		take(core, part, s, r, &freed);
	orderpart_lease_over(core, part, freed.lease);
	return ERR_OK;
}
