/* SPDX-License-Identifier: BSD-2-Clause */
/* textin: reads and decodes. */
#include "ctl/textin.h"

#include <errno.h>

#include "util/io/sys.h"

void
textin_init(struct textin *t, int fd, bool keeps_dots)
{
	t->fd = fd;
	t->left = (struct str){ NULL, 0 };
	unixtext_init(&t->text, keeps_dots);
}

enum err
textin_step(struct textin *t, struct outbuf *out)
{
	ssize_t n;

	if (outbuf_room(out) < UNIXTEXT_ROOM_BYTES)
		return ERR_FULL;
	if (t->left.len == 0) {
		do
			n = sys.read(t->fd, t->bytes, sizeof(t->bytes));
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			return unixtext_end(&t->text, out);
		t->left = (struct str){ t->bytes, (size_t)n };
	}
	return unixtext_decode(&t->text, &t->left, out);
}
