/* SPDX-License-Identifier: BSD-2-Clause */
/* out: what commands print. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define GROUP_DIGITS 3

void
ctl_out_init(struct outbuf *out, size_t size)
{
	*out = (struct outbuf){ malloc(size), 0, size };
	if (out->ptr == NULL)
		ctl_die(EXIT_TEMP, "no memory for %zu bytes of output", size);
}

void
ctl_out_print(struct outbuf *out)
{
	if (fwrite(out->ptr, 1, out->len, stdout) != out->len ||
	    fflush(stdout) != 0)
		_exit(EXIT_TEMP);
	out->len = 0;
}

void
ctl_put_count(struct outbuf *out, uint64_t n)
{
	char bytes[OUTBUF_U64_BYTES];
	struct outbuf digits = { bytes, 0, sizeof(bytes) };
	size_t i;

	outbuf_put_u64(&digits, n);
	for (i = 0; i < digits.len; i++) {
		if (outbuf_room(out) < 2)
			return;
		if (i > 0 && (digits.len - i) % GROUP_DIGITS == 0)
			outbuf_putc(out, ',');
		outbuf_putc(out, bytes[i]);
	}
}
