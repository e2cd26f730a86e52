/* SPDX-License-Identifier: BSD-2-Clause */
/* part: texts of the states and causes. */
#include "util/mail/part.h"

#include "util/base/array.h"

const char *
part_state_text(unsigned state)
{
	static const char *const texts[] = {
#define PART_STATE_TEXT(name, text) [name] = text,
		PART_STATE_TABLE(PART_STATE_TEXT)
#undef PART_STATE_TEXT
	};

	return state < COUNT_OF(texts) ? texts[state] : "?";
}

const char *
part_cause_text(unsigned cause)
{
	static const char *const texts[] = {
#define PART_CAUSE_TEXT(name, text) [name] = text,
		PART_CAUSE_TABLE(PART_CAUSE_TEXT)
#undef PART_CAUSE_TEXT
	};

	return cause < COUNT_OF(texts) ? texts[cause] : "?";
}

bool
part_owes_notice(const struct part_state *state)
{
	for (unsigned i = 0; i < state->n_rcpts; i++)
		if (part_standing_get(state->standing, i) == RCPT_OWED)
			return true;
	return false;
}
