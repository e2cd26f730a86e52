/* SPDX-License-Identifier: BSD-2-Clause */
/* notice: what senders are owed is told before anything else is done.
 *
 * A part that owes something is READY among the notices, for a site of our
 * own, which needs no route and no grant: our smtpd takes what workers write.
 * A notice of what is settled is owed for ever, and nothing else is done with
 * the part before it is told. One of a delay is given once at most, and holds
 * the part up for a few minutes at most: the mail is worth more.
 *
 * A part that is to be told of its delay comes to be due at that age at the
 * latest: so it needs no second deadline (Q2).
 */
#include "qmgr/core/core_int.h"

#define NOTICE_CONNECTIONS 4
#define NOTICE_LOOKS 8
#define NOTICE_WAIT_MIN_MS INT64_C(5000)
#define NOTICE_WAIT_DOUBLINGS 6 /* then it is the longest */
#define NOTICE_WAIT_MAX_MS INT64_C(300000)
#define NOTICE_DELAY_PATIENCE_MS INT64_C(300000)
#define NOTICE_DELAY_LOST_MAX 3 /* leases that come to nothing */

bool
notice_begin(struct core *core)
{
	struct site *s = site_obtain(core, STR("local"), STR("notice"));

	if (s == NULL)
		return false;
	core->notice_site = s->self;
	s->transport = TRANSPORT_NOTICE;
	s->connections = NOTICE_CONNECTIONS;
	s->left = UINT32_MAX;
	s->valid_ms = s->renew_ms = CORE_NEVER_MS;
	return core_text_set(core, &s->hosts, core->conf.notice_hosts);
}

struct site *
notice_site(const struct core *core)
{
	return site_get(core, core->notice_site);
}

bool
notice_is_site(const struct core *core, const struct site *s)
{
	return s->self == core->notice_site;
}

/* When the part's delay is to be told. */
static int64_t
delay_ms(struct core *core, const struct part *p)
{
	const struct core_queue_policy *policy;

	if (!p->wants_delay)
		return CORE_NEVER_MS;
	policy = queue_policy(core, queue_get(core, p->queue));
	if (policy->delay_notice_ms == 0 ||
	    policy->delay_notice_ms >= policy->backoff.life_ms)
		return CORE_NEVER_MS;
	return (int64_t)p->born_s * 1000 + policy->delay_notice_ms;
}

bool
notice_is_due(struct core *core, const struct part *p)
{
	return part_is_owed(core, p) || core->now_ms >= delay_ms(core, p);
}

int64_t
notice_cut_wait(struct core *core, const struct part *p, int64_t due_ms)
{
	int64_t at_ms = delay_ms(core, p);

	return at_ms > core->now_ms && at_ms < due_ms ? at_ms : due_ms;
}

int64_t
notice_look_ms(struct core *core, const struct part *p)
{
	int64_t end_ms = part_end_ms(core, p) + PART_LAST_TRY_MS;
	int64_t at_ms = delay_ms(core, p);

	if (part_is_owed(core, p))
		return core->now_ms + PART_OWED_REMIND_MS;
	if (at_ms <= core->now_ms)
		at_ms = core->now_ms + NOTICE_DELAY_PATIENCE_MS;
	return at_ms < end_ms ? at_ms : end_ms;
}

enum notice_kind
notice_kind(const struct core *core, const struct part *p)
{
	if (!p->is_notice)
		return NOTICE_NONE;
	return part_is_owed(core, p) ? NOTICE_FINAL : NOTICE_DELAY;
}

struct str
notice_hold_up(const struct core *core, const struct part *p)
{
	const struct queue *q = queue_get(core, p->queue);
	const struct site *s = q->site == 0 ? NULL : site_get(core, q->site);

	if (s == NULL && q->route_text.len > 0)
		return q->route_text;
	if (s != NULL && (s->down_ms > 0 || core->now_ms < s->pause_ms))
		return s->trouble;
	return STR("");
}

struct str
notice_doubt(void)
{
	return STR("5.4.2 it may or may not have been delivered: the answer"
	           " to it was lost");
}

struct str
notice_reason(
    const struct core *core, const struct part *p, enum notice_kind kind)
{
	struct str why;

	if (kind == NOTICE_DELAY) {
		why = notice_hold_up(core, p);
		return why.len > 0 ? why
		                   : str_from_c(part_cause_text(p->cause));
	}
	if (kind == NOTICE_FINAL && p->cause == CAUSE_EXPIRED)
		return STR("it could not be delivered in time");
	if (kind == NOTICE_FINAL && p->cause == CAUSE_POSSIBLY_DELIVERED)
		return notice_doubt();
	return STR("");
}

uint32_t
notice_pick(struct core *core)
{
	for (int i = 0; i < NOTICE_LOOKS && core->notices.n > 0; i++) {
		uint32_t part = core->notices.first;
		struct part *p = part_get(core, part);

		if (!p->is_unwritten && !orderpart_keeps(core, part) &&
		    !queue_is_blocked(core, queue_get(core, p->queue)))
			return part;
		part_list_remove(core, &core->notices, part);
		part_list_push(core, &core->notices, part);
	}
	return 0;
}

/* --- how it turned out ---------------------------------------------------- */

/* The delay is told, or will not be. */
static void
end_delay(struct core *core, uint32_t part, const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	p->wants_delay = 0;
	p->mark = 0;
	part_make_ready(core, part);
	fate_remember(core, part, freed);
}

void
notice_give_up_delay(struct core *core, uint32_t part)
{
	end_delay(core, part, NULL);
}

static void
told(struct core *core, uint32_t part, enum notice_kind kind,
    const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	if (kind == NOTICE_DELAY) {
		end_delay(core, part, freed);
		return;
	}
	for (uint32_t i = 0; i < part_n_rcpts(core, p); i++)
		if (part_standing(core, p, i) == RCPT_OWED)
			part_set_standing(core, p, i, RCPT_TOLD);
	p->mark = 0;
	/* Time in which the notice was owed costs no part its last try. */
	if (part_is_open(core, p) && core->now_ms >= part_end_ms(core, p) &&
	    !(p->cause == CAUSE_POSSIBLY_DELIVERED &&
	        fate_on_doubt(core, part) == ON_DOUBT_HOLD)) {
		tick_make_due(core, part);
		fate_remember(core, part, freed);
		return;
	}
	fate_settle(core, part, p->cause, freed);
}

void
notice_wait(struct core *core, uint32_t part)
{
	struct part *p = part_get(core, part);
	int64_t ms = NOTICE_WAIT_MAX_MS;

	if (p->mark < NOTICE_WAIT_DOUBLINGS)
		ms = NOTICE_WAIT_MIN_MS << p->mark++;
	part_move(core, part, PART_WAITING, core->now_ms + ms);
}

static void
refused(struct core *core, uint32_t part, enum notice_kind kind,
    const struct core_freed *freed)
{
	if (kind == NOTICE_DELAY) {
		end_delay(core, part, freed);
		return;
	}
	notice_wait(core, part);
	fate_remember(core, part, freed);
}

/* The lease came to nothing. */
static void
came_back(struct core *core, uint32_t part, enum notice_kind kind,
    const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	if (kind == NOTICE_DELAY) {
		/* The mark begins anew: it has another meaning now. */
		if (p->throttles > 0)
			p->mark = p->throttles = 0;
		if (++p->mark >= NOTICE_DELAY_LOST_MAX) {
			end_delay(core, part, freed);
			return;
		}
	}
	part_make_ready(core, part);
	lease_clear(core, freed);
}

void
notice_result(struct core *core, uint32_t part, enum notice_kind kind,
    const struct core_result *r, const struct core_freed *freed)
{
	struct site *s = notice_site(core);

	switch (r->outcome) {
	case OUTCOME_TOLD:
		health_passed(core, s);
		told(core, part, kind, freed);
		break;
	case OUTCOME_TRIED:
		health_passed(core, s);
		if (r->is_doubtful)
			fate_doubt(core, part,
			    "the connection broke after the dot of its notice");
		refused(core, part, kind, freed);
		break;
	case OUTCOME_THROTTLED:
		came_back(core, part, kind, freed);
		health_throttled(core, s, r);
		break;
	case OUTCOME_RETURNED:
	case OUTCOME_N:
		came_back(core, part, kind, freed);
		break;
	case OUTCOME_UNREADABLE:
		refused(core, part, kind, freed);
		break;
	case OUTCOME_DAMAGED:
		BUG_IF(true); /* held, whatever it was leased for */
	}
}

void
notice_took_back(struct core *core, uint32_t part, enum notice_kind kind,
    enum slot_phase phase)
{
	if (phase >= SLOT_DOT_SENT)
		fate_doubt(core, part,
		    "the worker of its notice died after "
		    "the dot");
	if (kind == NOTICE_DELAY)
		part_get(core, part)->wants_delay = 0;
}
