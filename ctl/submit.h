/* SPDX-License-Identifier: BSD-2-Clause */
/* submit: SMTP with the relay of this machine, over run/submit. */
#ifndef CTL_SUBMIT_H
#define CTL_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "util/mail/reply.h"
#include "util/text/str.h"

/* Longest command line. */
#define SUBMIT_LINE_BYTES 1024

/* One session; embedded. Whatever goes wrong in it ends the command, by way of
 * sendmail_die(). Others read fd and node. */
struct submit {
	int fd;           /* non-blocking */
	struct str node;  /* the relay's name, from its reply to EHLO */
	struct str spent; /* bytes of in that the last reply took */
	char node_bytes[256];
	size_t in_len;
	char in[REPLY_MAX_BYTES + 1];
};

/* Connects, and no more: for those who speak SMTP themselves. */
void submit_connect(struct submit *s, struct ctl *ctl);

/* Connects and greets. */
void submit_open(struct submit *s, struct ctl *ctl);

/* Sends a command, a line without its end, and waits for its reply, whose first
 * digit must be that of want: "2", "3". */
void submit_command(struct submit *s, char want, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Sends content in the DATA coding. */
void submit_put(struct submit *s, struct str bytes);

/* Waits until input can be read, but no longer than the relay does. */
void submit_await_input(struct submit *s, int input_fd);

/* Waits for the reply to the end of data, which must be a 2xx. It is borrowed
 * until the next call. */
void submit_finish(struct submit *s, struct reply *reply);

/* Says goodbye and closes. */
void submit_close(struct submit *s);

#endif /* CTL_SUBMIT_H */
