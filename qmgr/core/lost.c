/* SPDX-License-Identifier: BSD-2-Clause */
/* lost: parts whose record is missing or damaged, and comes back.
 *
 *		WAITING	READY	LEASED	HELD	missing
 * lost		HELD	HELD	later	.	.
 * found	.	.	.	.	READY
 *
 * Missing: HELD with that cause. Later: when the lease is over, and the next
 * pass comes by. In HELD only the cause changes: what else holds the part, an
 * order or its deaths, goes on holding it.
 */
#include "qmgr/core/core_int.h"

static const char *
text_of(enum part_cause cause)
{
	return cause == CAUSE_MISSING ? "held: its record is missing"
	                              : "held: its record is malformed";
}

bool
core_part_lost(struct core *core, uint32_t part, enum part_cause cause)
{
	struct part *p = slab_try(&core->parts, part);

	BUG_IF(cause != CAUSE_MISSING && cause != CAUSE_DAMAGED);
	if (p == NULL || p->state == PART_LEASED ||
	    (p->state == PART_HELD && p->cause == cause))
		return false;
	p->cause = (unsigned)cause & 0x7fu;
	if (p->state != PART_HELD) {
		p->throttles = 0;
		part_move(
		    core, part, PART_HELD, core->now_ms + PART_HELD_REMIND_MS);
	}
	fate_note(core, part, text_of(cause));
	fate_remember(core, part, NULL);
	return true;
}

static void
note_back(struct core *core, uint32_t part)
{
	struct core_action *a = core_emit(core, CORE_NOTE);

	part_fill(core, part_get(core, part), &a->part);
	a->part.cause = CAUSE_RECOVERED;
	a->text = STR("its record is back");
}

bool
core_part_found(struct core *core, uint32_t part)
{
	struct part *p = slab_try(&core->parts, part);

	if (p == NULL || p->state != PART_HELD || p->cause != CAUSE_MISSING)
		return false;
	if (ordertab_of(core, p) != NULL) {
		p->cause = CAUSE_OPERATOR;
	} else if (p->deaths >= PART_DEATHS_MAX) {
		p->cause = CAUSE_DEATHS;
	} else {
		p->cause = CAUSE_RECOVERED;
		tick_make_due(core, part);
	}
	note_back(core, part);
	fate_remember(core, part, NULL);
	return true;
}

bool
core_part_is_missing(const struct core *core, uint32_t part)
{
	const struct part *p = slab_try(&core->parts, part);

	return p != NULL && p->state == PART_HELD && p->cause == CAUSE_MISSING;
}
