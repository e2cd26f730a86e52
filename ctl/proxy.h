/* SPDX-License-Identifier: BSD-2-Clause */
/* proxy: SMTP on standard input and output, spoken by the relay itself. */
#ifndef CTL_PROXY_H
#define CTL_PROXY_H

/* Carries bytes between input, output and the socket fd, both ways at once,
 * until the relay closes; it has deadlines, so that comes. At the end of input
 * the relay sees it. Returns a status of sysexits.h. */
int proxy_run(int input, int output, int fd);

#endif /* CTL_PROXY_H */
