/* SPDX-License-Identifier: BSD-2-Clause */
/* header: the incremental scanner of a message's header section. */
#include "util/mail/header.h"

#include "util/text/ascii.h"

/*
 * A row is where in a line we are, a column the next byte.
 *
 *	 blank	    colon   CR	      LF      of a name	  other
 * FIRST -> END	    -> END  -> EMPTY  -> END  name->NAME  -> END
 * BOL	 fold->VALUE -> END -> EMPTY  -> END  name->NAME  -> END
 * NAME	 -> GAP	    field   -> END    -> END  name	  -> END
 * GAP	 -	    field   -> END    -> END  -> END	  -> END
 * VALUE value	    value   -	      -> BOL  value	  value
 * EMPTY -> END	    -> END  -> END    empty   -> END	  -> END
 *
 * name		the byte is part of a name: strike the names it differs from
 * field	the name is complete -> VALUE
 * fold		the line goes on with the value of the one before
 * value	append the byte, if the value is kept
 * empty	that was the empty line -> END
 *
 * END: what is in hand begins the body. A blank before the colon is old, but
 * readers take it, so a field must not escape us by it (RFC 5322 4.5.8).
 */
enum state {
	ST_FIRST,
	ST_BOL,
	ST_NAME,
	ST_GAP,
	ST_VALUE,
	ST_EMPTY,
	ST_END,
	ST_N = ST_END
};
enum byte_class { C_OTHER, C_NAME, C_BLANK, C_COLON, C_CR, C_LF, C_N };
enum action { A_SKIP, A_NAME, A_FIELD, A_FOLD, A_VALUE, A_EMPTY, A_END };

struct step {
	uint8_t action;
	uint8_t next;
};

#define BODY \
	{ \
		A_END, ST_END \
	}
#define TEXT \
	{ \
		A_VALUE, ST_VALUE \
	}

static const struct step steps[ST_N][C_N] = {
	[ST_FIRST] = {
		[C_OTHER] = BODY,
		[C_NAME] = { A_NAME, ST_NAME },
		[C_BLANK] = BODY,
		[C_COLON] = BODY,
		[C_CR] = { A_SKIP, ST_EMPTY },
		[C_LF] = BODY,
	},
	[ST_BOL] = {
		[C_OTHER] = BODY,
		[C_NAME] = { A_NAME, ST_NAME },
		[C_BLANK] = { A_FOLD, ST_VALUE },
		[C_COLON] = BODY,
		[C_CR] = { A_SKIP, ST_EMPTY },
		[C_LF] = BODY,
	},
	[ST_NAME] = {
		[C_OTHER] = BODY,
		[C_NAME] = { A_NAME, ST_NAME },
		[C_BLANK] = { A_SKIP, ST_GAP },
		[C_COLON] = { A_FIELD, ST_VALUE },
		[C_CR] = BODY,
		[C_LF] = BODY,
	},
	[ST_GAP] = {
		[C_OTHER] = BODY,
		[C_NAME] = BODY,
		[C_BLANK] = { A_SKIP, ST_GAP },
		[C_COLON] = { A_FIELD, ST_VALUE },
		[C_CR] = BODY,
		[C_LF] = BODY,
	},
	[ST_VALUE] = {
		[C_OTHER] = TEXT,
		[C_NAME] = TEXT,
		[C_BLANK] = TEXT,
		[C_COLON] = TEXT,
		[C_CR] = { A_SKIP, ST_VALUE },
		[C_LF] = { A_SKIP, ST_BOL },
	},
	[ST_EMPTY] = {
		[C_OTHER] = BODY,
		[C_NAME] = BODY,
		[C_BLANK] = BODY,
		[C_COLON] = BODY,
		[C_CR] = BODY,
		[C_LF] = { A_EMPTY, ST_END },
	},
};

/* A name beside conf's: its bit in alive is the one above theirs. */
static const struct str received = STR_INIT("Received");
#define RECEIVED_BIT HEADER_NAMES_MAX

static enum byte_class
classify(char c)
{
	if (c == '\r')
		return C_CR;
	if (c == '\n')
		return C_LF;
	if (c == ':')
		return C_COLON;
	if (c == ' ' || c == '\t')
		return C_BLANK;
	return ascii_is_print(c) ? C_NAME : C_OTHER;
}

static struct str
name_of_bit(const struct header *h, uint32_t bit)
{
	return bit == RECEIVED_BIT ? received : h->conf->names[bit];
}

static void
begin_line(struct header *h)
{
	h->line_at = h->taken_bytes;
	h->name_len = 0;
	h->alive = (UINT32_C(1) << h->conf->n_names) - 1;
	h->alive |= UINT32_C(1) << RECEIVED_BIT;
}

/* Names are compared as they come, so none is kept. */
static void
strike_names(struct header *h, char c)
{
	for (uint32_t bit = 0; bit <= RECEIVED_BIT; bit++) {
		struct str name;

		if ((h->alive & UINT32_C(1) << bit) == 0)
			continue;
		name = name_of_bit(h, bit);
		if (h->name_len >= name.len ||
		    ascii_lower(name.ptr[h->name_len]) != ascii_lower(c))
			h->alive &= ~(UINT32_C(1) << bit);
	}
	h->name_len++;
}

static void
begin_field(struct header *h)
{
	h->field_at = h->line_at;
	h->captured = -1;
	for (uint32_t bit = 0; bit <= RECEIVED_BIT; bit++) {
		if ((h->alive & UINT32_C(1) << bit) == 0 ||
		    h->name_len != name_of_bit(h, bit).len)
			continue;
		if (bit == RECEIVED_BIT)
			h->n_received++;
		else if (h->captured < 0)
			h->captured = (int32_t)bit;
	}
	h->keeps_value = h->captured >= 0 && !h->values[h->captured].is_found;
	if (h->keeps_value)
		h->values[h->captured].is_found = true;
}

static void
add_to_value(struct header *h, char c)
{
	struct header_value *v;

	if (!h->keeps_value)
		return;
	v = &h->values[h->captured];
	if (classify(c) == C_BLANK &&
	    (v->len == 0 || v->len == sizeof(v->bytes)))
		return;
	if (v->len < sizeof(v->bytes))
		v->bytes[v->len++] = c;
	else
		v->is_truncated = true;
}

/* The field in hand ends before end_at. */
static enum err
close_field(struct header *h, uint32_t end_at)
{
	struct header_value *v;

	if (h->captured < 0)
		return ERR_AGAIN;
	if (h->n_cuts == HEADER_CUTS_MAX)
		return ERR_FULL;
	h->cuts[h->n_cuts++] =
	    (struct header_range){ h->field_at, end_at - h->field_at };
	v = &h->values[h->captured];
	while (v->len > 0 && classify(v->bytes[v->len - 1]) == C_BLANK)
		v->len--;
	h->captured = -1;
	h->keeps_value = false;
	return ERR_AGAIN;
}

static enum err
end_section(struct header *h, bool has_blank)
{
	h->state = ST_END;
	h->end_at = h->line_at;
	h->has_blank = has_blank;
	return ERR_OK;
}

/* One byte through the table. */
static enum err
step_byte(struct header *h, char c)
{
	const struct step *st = &steps[h->state][classify(c)];

	if (h->taken_bytes == h->conf->max_bytes)
		return ERR_RANGE;
	if (h->state == ST_BOL && st->action != A_FOLD &&
	    close_field(h, h->line_at) != ERR_AGAIN)
		return ERR_FULL;
	h->taken_bytes++;
	h->state = st->next;
	switch ((enum action)st->action) {
	case A_SKIP:
		break;
	case A_NAME:
		strike_names(h, c);
		break;
	case A_FIELD:
		begin_field(h);
		break;
	case A_FOLD:
	case A_VALUE:
		add_to_value(h, c);
		break;
	case A_EMPTY:
		return end_section(h, true);
	case A_END:
		return end_section(h, false);
	}
	if (h->state == ST_BOL)
		begin_line(h);
	return ERR_AGAIN;
}

/* Most of a section is values that nobody asked for: those go by the line. */
static void
skip_value(struct header *h, struct str *piece)
{
	size_t n = h->conf->max_bytes - h->taken_bytes;
	const char *lf;

	if (n > piece->len)
		n = piece->len;
	lf = n > 0 ? memchr(piece->ptr, '\n', n) : NULL;
	if (lf != NULL)
		n = (size_t)(lf - piece->ptr);
	h->taken_bytes += (uint32_t)n;
	str_skip(piece, n);
}

void
header_init(struct header *h, const struct header_conf *conf)
{
	BUG_IF(conf->n_names > HEADER_NAMES_MAX);
	*h = (struct header){
		.conf = conf,
		.captured = -1,
		.err = ERR_AGAIN,
		.state = ST_FIRST,
	};
	begin_line(h);
}

enum err
header_scan(struct header *h, struct str piece)
{
	while (h->err == ERR_AGAIN && piece.len > 0) {
		if (h->state == ST_VALUE && !h->keeps_value)
			skip_value(h, &piece);
		if (piece.len == 0)
			break;
		h->err = step_byte(h, piece.ptr[0]);
		str_skip(&piece, 1);
	}
	return h->err;
}

enum err
header_end(struct header *h)
{
	if (h->err != ERR_AGAIN)
		return h->err;
	if (h->state == ST_VALUE || h->state == ST_BOL) {
		h->err = close_field(h, h->taken_bytes);
		h->line_at = h->taken_bytes;
	}
	if (h->err == ERR_AGAIN)
		h->err = end_section(h, false);
	return h->err;
}

struct str
header_get_value(const struct header *h, uint32_t i)
{
	BUG_IF(i >= h->conf->n_names);
	return (struct str){ h->values[i].bytes, h->values[i].len };
}
