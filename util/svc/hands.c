/* SPDX-License-Identifier: BSD-2-Clause */
/* hands: the descriptors that master handed to this process, by their use. */
#include "util/svc/hands.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/base/fatal.h"

#define HANDS_MIN 16

void
hands_init(struct hands *hands)
{
	*hands = (struct hands){ .items = NULL };
}

void
hands_fini(struct hands *hands)
{
	uint32_t i;

	for (i = 0; i < hands->n; i++)
		(void)close(hands->items[i].fd);
	free(hands->items);
	hands_init(hands);
}

const struct hand *
hands_find(const struct hands *hands, enum hand_kind kind, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < hands->n; i++)
		if (hands->items[i].kind == kind &&
		    hands->items[i].index == index)
			return &hands->items[i];
	return NULL;
}

int
hands_fd(const struct hands *hands, enum hand_kind kind, uint32_t index)
{
	const struct hand *hand = hands_find(hands, kind, index);

	return hand == NULL ? -1 : hand->fd;
}

/* Appends a copy; there are fewer than HANDS_MAX. */
static void
append(struct hands *hands, const struct hand *hand)
{
	uint32_t cap = hands->cap == 0 ? HANDS_MIN : hands->cap * 2;
	struct hand *items;

	if (hands->n == hands->cap) {
		items = realloc(hands->items, cap * sizeof(*items));
		if (items == NULL)
			fatal("no memory for %u descriptors", cap);
		hands->items = items;
		hands->cap = cap;
	}
	hands->items[hands->n++] = *hand;
}

enum err
hands_add(struct hands *hands, enum hand_kind kind, uint32_t index,
    struct str text, int fd)
{
	struct hand hand = { .kind = kind, .index = index, .fd = fd };

	if (text.len > HAND_TEXT_MAX_BYTES)
		return ERR_RANGE;
	if (hands_find(hands, kind, index) != NULL)
		return ERR_EXISTS;
	if (hands->n == HANDS_MAX)
		return ERR_FULL;
	if (text.len > 0)
		memcpy(hand.text, text.ptr, text.len);
	hand.text_len = (uint16_t)text.len;
	append(hands, &hand);
	return ERR_OK;
}

static bool
is_retired(const struct hand *hand, const struct hands *fresh)
{
	return hand->kind == HAND_LISTENER ||
	    hands_find(fresh, hand->kind, hand->index) != NULL;
}

enum err
hands_exchange(struct hands *hands, struct hands *fresh)
{
	struct hands kept, retired;
	uint32_t i;

	hands_init(&kept);
	hands_init(&retired);
	for (i = 0; i < hands->n; i++)
		append(is_retired(&hands->items[i], fresh) ? &retired : &kept,
		    &hands->items[i]);
	if (kept.n + fresh->n > HANDS_MAX) {
		free(kept.items);
		free(retired.items);
		return ERR_FULL;
	}
	for (i = 0; i < fresh->n; i++)
		append(&kept, &fresh->items[i]);
	free(hands->items);
	free(fresh->items);
	*hands = kept;
	*fresh = retired;
	return ERR_OK;
}
