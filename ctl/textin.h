/* SPDX-License-Identifier: BSD-2-Clause */
/* textin: a message on standard input, read piece by piece. */
#ifndef CTL_TEXTIN_H
#define CTL_TEXTIN_H

#include "ctl/core/unixtext.h"
#include "util/base/err.h"
#include "util/text/str.h"

#define TEXTIN_BYTES 65536

/* Embedded. Others read left: bytes that were read and not decoded. */
struct textin {
	struct unixtext text;
	int fd;
	struct str left;
	char bytes[TEXTIN_BYTES];
};

/* Begins; keeps_dots as of unixtext_init(). fd is borrowed. */
void textin_init(struct textin *t, int fd, bool keeps_dots);

/*
 * Appends content to out; reads once, and so waits, when nothing is left of
 * what was read before.
 *
 * ERR_OK	the message has ended, and its last line with it
 * ERR_AGAIN	it goes on: call again
 * ERR_FULL	out has less than UNIXTEXT_ROOM_BYTES left
 * ERR_IO	it cannot be read; errno tells
 */
MUST_USE enum err textin_step(struct textin *t, struct outbuf *out);

#endif /* CTL_TEXTIN_H */
