/* SPDX-License-Identifier: BSD-2-Clause */
/* hands: the descriptors that master handed to this process, by their use. */
#ifndef UTIL_SVC_HANDS_H
#define UTIL_SVC_HANDS_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/terms.h"
#include "util/text/str.h"

/* All pages and slots of SVC_WORKERS_MAX workers, SVC_LISTENERS_MAX listeners,
 * and the few there is one of. */
#define HANDS_MAX 1040
#define HAND_TEXT_MAX_BYTES 255

struct hand {
	enum hand_kind kind;
	uint32_t index;
	int fd;
	uint16_t text_len;
	char text[HAND_TEXT_MAX_BYTES + 1]; /* terminated */
};

/* Embedded in its owner; others use the functions. */
struct hands {
	struct hand *items; /* NULL while there is none */
	uint32_t n;
	uint32_t cap;
};

/* Begins an empty table. */
void hands_init(struct hands *hands);

/* Closes all descriptors. */
void hands_fini(struct hands *hands);

/*
 * Takes fd, and copies text; ends the process when memory runs out. With any
 * error fd is still the caller's.
 *
 * ERR_EXISTS	one of this kind and index is there
 * ERR_FULL	HANDS_MAX are there
 * ERR_RANGE	text is longer than HAND_TEXT_MAX_BYTES
 */
MUST_USE enum err hands_add(struct hands *hands, enum hand_kind kind,
    uint32_t index, struct str text, int fd);

/* The hand of kind and index, borrowed until the table changes, or NULL. */
const struct hand *hands_find(
    const struct hands *hands, enum hand_kind kind, uint32_t index);

/* Descriptor of kind and index, borrowed, or -1. */
int hands_fd(const struct hands *hands, enum hand_kind kind, uint32_t index);

/*
 * Takes all hands of fresh into hands. What they replace, and every listener
 * that was in hands, is in fresh afterwards: close it when nobody uses it any
 * more.
 *
 * ERR_FULL	there would be more than HANDS_MAX; nothing has changed
 */
MUST_USE enum err hands_exchange(struct hands *hands, struct hands *fresh);

#endif /* UTIL_SVC_HANDS_H */
