/* SPDX-License-Identifier: BSD-2-Clause */
/* addrlist: the addresses in the value of a To, Cc or Bcc field. */
#ifndef UTIL_MAIL_ADDRLIST_H
#define UTIL_MAIL_ADDRLIST_H

#include "util/base/err.h"
#include "util/mail/address.h"
#include "util/text/str.h"

/* One walk over a field; embedded, no _fini. Nobody reads its fields. */
struct addrlist {
	struct str rest; /* of the value */
	size_t text_len;
	char text[ADDRESS_PATH_MAX_BYTES]; /* what the address is made of */
};

/* Begins with the value of a field: what follows the colon, folded or not,
 * lines ending in CR LF or LF. It must outlive l. */
void addrlist_init(struct addrlist *l, struct str value);

/*
 * Finds the next address: comments, display names, group names, routes and
 * blanks are dropped (RFC 5322 3.4, and 4.4 for old mail); UTF-8 is taken.
 * Empty entries and groups are passed over.
 *
 * ERR_EOF	there is no further one
 * ERR_SYNTAX	an entry is no address; the next call goes on behind it
 * ERR_RANGE	an entry is too long for one; likewise
 *
 * a is a view into l until the next call; a->domain is empty for a local name
 * ("To: root").
 */
MUST_USE enum err addrlist_next(struct addrlist *l, struct address *a);

#endif /* UTIL_MAIL_ADDRLIST_H */
