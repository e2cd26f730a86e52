/* SPDX-License-Identifier: BSD-2-Clause */
/* note: NOTE entries of the core. */
#include "qmgr/note.h"

#include "qmgr/qmgr_int.h"
#include "util/log/log.h"

/* The kind of note that a cause makes; what is none is told as a finding. That
 * a part may have arrived was noted before it was held for it. */
static uint8_t
kind_of(const struct part_state *part)
{
	switch (part->cause) {
	case CAUSE_POSSIBLY_DELIVERED:
		return part->state == PART_HELD ? NOTE_DELAYED
		                                : NOTE_POSSIBLY_DELIVERED;
	case CAUSE_MISSING:
		return NOTE_MISSING;
	case CAUSE_RECOVERED:
		return NOTE_RECOVERED;
	case CAUSE_DAMAGED:
		return NOTE_QUARANTINED;
	}
	return NOTE_DELAYED;
}

void
note_part(struct qmgr *q, const struct core_action *action)
{
	const struct part_state *part = &action->part;
	struct entry_note note = {
		.qid = part->qid,
		.part = part->part,
		.kind = kind_of(part),
		.text = action->text,
	};

	journal_put_note(q->journal, &note);
	if (note.kind == NOTE_POSSIBLY_DELIVERED)
		LOG(EV_POSSIBLY_DELIVERED, KV_QID("qid", &part->qid),
		    KV_NUM("part", part->part), KV_STR("msg", action->text));
	if (part->state == PART_HELD)
		LOG(EV_PART_HELD, KV_QID("qid", &part->qid),
		    KV_NUM("part", part->part),
		    KV_CSTR("cause", part_cause_text(part->cause)),
		    KV_NUM("deaths", part->deaths));
}
