/* SPDX-License-Identifier: BSD-2-Clause */
/* dotsend: incremental encoder of DATA content. */
#include "util/mail/dotsend.h"

#include <stdbool.h>

/*
 * A row is what has been written, a column what the next byte is.
 *
 *		dot		LF	  CR	   other
 * BOL		. . -> TEXT	-> STRAY  -> CR	   -> TEXT
 * STRAY	. . -> TEXT	-> STRAY  -> CR	   -> TEXT
 * TEXT		-> TEXT		-> STRAY  -> CR	   -> TEXT
 * CR		-> TEXT		-> BOL	  -> CR	   -> TEXT
 *
 * Each byte is copied; ". ." doubles the dot. Only BOL is the end of a line
 * for dotsend_end. In all but the dot, a row tells the next from the last two
 * bytes: so runs up to an LF are copied whole, and no table is walked.
 */
enum state { ST_BOL, ST_STRAY, ST_TEXT, ST_CR };

void
dotsend_init(struct dotsend *ds)
{
	*ds = (struct dotsend){ .state = ST_BOL };
}

/* State after the n bytes at p, n > 0. */
static uint8_t
state_after(uint8_t state, const char *p, size_t n)
{
	bool had_cr = n > 1 ? p[n - 2] == '\r' : state == ST_CR;

	if (p[n - 1] == '\r')
		return ST_CR;
	if (p[n - 1] != '\n')
		return ST_TEXT;
	return had_cr ? ST_BOL : ST_STRAY;
}

/* Copies up to the end of a line or of the room; out has room. */
static void
copy_run(struct dotsend *ds, struct str *in, struct outbuf *out)
{
	size_t n = in->len;
	const char *lf;

	if (n > outbuf_room(out))
		n = outbuf_room(out);
	lf = memchr(in->ptr, '\n', n);
	if (lf != NULL)
		n = (size_t)(lf - in->ptr) + 1;
	ds->state = state_after(ds->state, in->ptr, n);
	outbuf_put(out, (struct str){ in->ptr, n });
	str_skip(in, n);
}

enum err
dotsend_encode(struct dotsend *ds, struct str *in, struct outbuf *out)
{
	while (in->len > 0) {
		bool at_start = ds->state == ST_BOL || ds->state == ST_STRAY;

		if (outbuf_room(out) == 0)
			return ERR_FULL;
		if (at_start && in->ptr[0] == '.') {
			if (outbuf_room(out) < STR("..").len)
				return ERR_FULL;
			outbuf_put(out, STR("."));
		}
		copy_run(ds, in, out);
	}
	return ERR_OK;
}

enum err
dotsend_end(struct dotsend *ds, struct outbuf *out)
{
	if (outbuf_room(out) < DOTSEND_ROOM_BYTES)
		return ERR_FULL;
	if (ds->state != ST_BOL)
		outbuf_put(out, STR("\r\n"));
	outbuf_put(out, STR(".\r\n"));
	ds->state = ST_BOL;
	return ERR_OK;
}
