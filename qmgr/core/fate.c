/* SPDX-License-Identifier: BSD-2-Clause */
/* fate: what becomes of a part, and that it is remembered (Q10, Q11). */
#include "qmgr/core/core_int.h"

/* The schedule takes no times before 0, and a message may be born before the
 * machine: both times are moved up by 34 years. */
#define FATE_ERA_MS (INT64_C(1) << 40)

static struct core_action *
append(struct core *core, uint32_t part, enum part_status state,
    const struct core_freed *freed)
{
	struct core_action *a = core_emit(core, CORE_REMEMBER);

	part_fill(core, part_get(core, part), &a->part);
	a->part.state = (uint8_t)state;
	if (freed == NULL)
		return a;
	a->freed = *freed;
	a->part.lease = freed->lease;
	part_get(core, part)->is_unwritten = true;
	return a;
}

void
fate_remember(struct core *core, uint32_t part, const struct core_freed *freed)
{
	(void)append(
	    core, part, (enum part_status)part_get(core, part)->state, freed);
}

void
fate_note(struct core *core, uint32_t part, const char *text)
{
	struct core_action *a = core_emit(core, CORE_NOTE);

	part_fill(core, part_get(core, part), &a->part);
	a->text = str_from_c(text);
}

/* The part's own cause stays: why a notice is owed does not change. */
void
fate_doubt(struct core *core, uint32_t part, const char *text)
{
	struct core_action *a = core_emit(core, CORE_NOTE);

	part_fill(core, part_get(core, part), &a->part);
	a->part.cause = CAUSE_POSSIBLY_DELIVERED;
	a->text = str_from_c(text);
}

enum on_doubt
fate_on_doubt(struct core *core, uint32_t part)
{
	struct queue *q = queue_get(core, part_get(core, part)->queue);

	return queue_policy(core, q)->on_doubt;
}

bool
fate_wait(struct core *core, uint32_t part, uint32_t tries)
{
	const struct part *p = part_get(core, part);
	struct queue *q = queue_get(core, p->queue);
	struct backoff_case c = { .born_ms = (int64_t)p->born_s * 1000,
		.now_ms = core->now_ms + FATE_ERA_MS,
		.tries = tries,
		.salt = p->qid_low ^ p->number };
	int64_t due_ms = 0;
	enum err err;

	c.born_ms = c.born_ms < -FATE_ERA_MS ? 0 : c.born_ms + FATE_ERA_MS;
	err = backoff_next(&queue_policy(core, q)->backoff, &c, &due_ms);
	if (err == ERR_EXPIRED)
		return false;
	BUG_IF(err != ERR_OK);
	due_ms = notice_cut_wait(core, p, due_ms - FATE_ERA_MS);
	part_move(core, part, PART_WAITING, due_ms);
	return true;
}

/* Every open recipient has failed: whoever sent it is owed a notice, unless
 * nobody can be told. */
static void
fail_open(struct core *core, struct part *p)
{
	uint32_t n = part_n_rcpts(core, p);

	for (uint32_t i = 0; i < n; i++)
		if (part_standing(core, p, i) == RCPT_OPEN)
			part_set_standing(
			    core, p, i, p->is_silent ? RCPT_TOLD : RCPT_OWED);
}

/* What is owed goes first, whatever is open. True: a notice is owed. */
static bool
owe(struct core *core, uint32_t part, const struct core_freed *freed,
    struct str reason, bool is_end)
{
	struct part *p = part_get(core, part);
	struct core_action *a;

	if (!part_is_owed(core, p))
		return false;
	p->throttles = 0;
	p->mark = 0;
	part_make_ready(core, part);
	a = append(core, part, PART_READY, freed);
	a->text = reason;
	a->is_end = is_end;
	return true;
}

static void
finish(struct core *core, uint32_t part, const struct core_freed *freed,
    bool is_end)
{
	struct core_action *a = append(core, part, PART_DONE, freed);

	a->is_end = is_end;
	a->is_last = part_finish(core, part);
}

static void
hold_doubtful(struct core *core, uint32_t part, const struct core_freed *freed)
{
	part_get(core, part)->throttles = 0;
	part_move(core, part, PART_HELD, core->now_ms + PART_HELD_REMIND_MS);
	fate_note(core, part, "held: it may have been delivered");
	fate_remember(core, part, freed);
}

bool
fate_end_doubt(struct core *core, uint32_t part, const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	switch (fate_on_doubt(core, part)) {
	case ON_DOUBT_HOLD:
		hold_doubtful(core, part, freed);
		return true;
	case ON_DOUBT_BOUNCE:
		fail_open(core, p);
		if (!owe(core, part, freed, notice_doubt(), false))
			finish(core, part, freed, false);
		return true;
	case ON_DOUBT_RETRY:
	case ON_DOUBT_N:
		break;
	}
	return false;
}

void
fate_settle(struct core *core, uint32_t part, enum part_cause cause,
    const struct core_freed *freed)
{
	struct part *p = part_get(core, part);
	bool is_end = false;

	p->cause = (unsigned)cause & 0x7fu;
	if (owe(core, part, freed, STR(""), false))
		return;
	if (part_is_open(core, p)) {
		if (cause == CAUSE_POSSIBLY_DELIVERED &&
		    fate_on_doubt(core, part) == ON_DOUBT_HOLD) {
			hold_doubtful(core, part, freed);
			return;
		}
		if (fate_wait(core, part, p->tries)) {
			fate_remember(core, part, freed);
			return;
		}
		p->cause = CAUSE_EXPIRED;
		is_end = true;
		fail_open(core, p);
	}
	if (!owe(core, part, freed, STR(""), is_end))
		finish(core, part, freed, is_end);
}

void
fate_fail(
    struct core *core, uint32_t part, enum part_cause cause, struct str reason)
{
	struct part *p = part_get(core, part);
	bool is_end = cause == CAUSE_EXPIRED;

	p->cause = (unsigned)cause & 0x7fu;
	fail_open(core, p);
	if (!owe(core, part, NULL, reason, is_end))
		finish(core, part, NULL, is_end);
}
