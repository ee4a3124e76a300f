#include "abi.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t live_bytes;
static _Atomic int64_t live_blocks;

enum { HEADER = 64, NO_MEMORY = 12 };

/* A block is preceded by a header of 64 bytes that holds its size. */
void *oboro_cdata_alloc(size_t size) {
	if (size > SIZE_MAX - 2 * HEADER) return NULL;
	size_t whole = (HEADER + size + HEADER - 1) / HEADER * HEADER;
	char *p = aligned_alloc(HEADER, whole);
	if (p == NULL) return NULL;
	memset(p + HEADER, 0, whole - HEADER);
	*(size_t *)p = size;
	atomic_fetch_add(&live_bytes, (int64_t)size);
	atomic_fetch_add(&live_blocks, 1);
	return p + HEADER;
}

void oboro_cdata_free(void *block) {
	if (block == NULL) return;
	char *p = (char *)block - HEADER;
	atomic_fetch_sub(&live_bytes, (int64_t)*(size_t *)p);
	atomic_fetch_sub(&live_blocks, 1);
	free(p);
}

int64_t oboro_cdata_live_bytes(void) { return atomic_load(&live_bytes); }
int64_t oboro_cdata_live_blocks(void) { return atomic_load(&live_blocks); }

static char *copy_text(const char *s) {
	size_t n = strlen(s) + 1;
	char *out = oboro_cdata_alloc(n);
	if (out != NULL) memcpy(out, s, n);
	return out;
}

static void schema_release(struct ArrowSchema *s) {
	for (int64_t i = 0; i < s->n_children; i++) {
		struct ArrowSchema *c = s->children[i];
		if (c == NULL) continue;
		if (c->release != NULL) c->release(c);
		oboro_cdata_free(c);
	}
	oboro_cdata_free(s->children);
	if (s->dictionary != NULL) {
		if (s->dictionary->release != NULL) s->dictionary->release(s->dictionary);
		oboro_cdata_free(s->dictionary);
	}
	oboro_cdata_free((void *)s->format);
	oboro_cdata_free((void *)s->name);
	s->release = NULL;
}

int oboro_cdata_schema(struct ArrowSchema *out, const char *format, const char *name, int64_t flags,
                       int64_t n_children, int has_dictionary) {
	memset(out, 0, sizeof *out);
	out->release = schema_release;
	out->flags = flags;
	out->format = copy_text(format);
	out->name = copy_text(name);
	if (out->format == NULL || out->name == NULL) goto no_memory;
	if (n_children > 0) {
		out->children = oboro_cdata_alloc((size_t)n_children * sizeof *out->children);
		if (out->children == NULL) goto no_memory;
		out->n_children = n_children;
		for (int64_t i = 0; i < n_children; i++)
			if ((out->children[i] = oboro_cdata_alloc(sizeof **out->children)) == NULL) goto no_memory;
	}
	if (has_dictionary && (out->dictionary = oboro_cdata_alloc(sizeof *out->dictionary)) == NULL) goto no_memory;
	return 0;
no_memory:
	schema_release(out);
	return NO_MEMORY;
}

static void array_release(struct ArrowArray *a) {
	for (int64_t i = 0; i < a->n_children; i++) {
		struct ArrowArray *c = a->children[i];
		if (c == NULL) continue;
		if (c->release != NULL) c->release(c);
		oboro_cdata_free(c);
	}
	oboro_cdata_free(a->children);
	if (a->dictionary != NULL) {
		if (a->dictionary->release != NULL) a->dictionary->release(a->dictionary);
		oboro_cdata_free(a->dictionary);
	}
	for (int64_t i = 0; i < a->n_buffers; i++) oboro_cdata_free((void *)a->buffers[i]);
	oboro_cdata_free(a->buffers);
	a->release = NULL;
}

int oboro_cdata_array(struct ArrowArray *out, int64_t length, int64_t null_count, int64_t n_buffers,
                      int64_t n_children, int has_dictionary) {
	memset(out, 0, sizeof *out);
	out->release = array_release;
	out->length = length;
	out->null_count = null_count;
	if (n_buffers > 0) {
		out->buffers = oboro_cdata_alloc((size_t)n_buffers * sizeof *out->buffers);
		if (out->buffers == NULL) goto no_memory;
		out->n_buffers = n_buffers;
	}
	if (n_children > 0) {
		out->children = oboro_cdata_alloc((size_t)n_children * sizeof *out->children);
		if (out->children == NULL) goto no_memory;
		out->n_children = n_children;
		for (int64_t i = 0; i < n_children; i++)
			if ((out->children[i] = oboro_cdata_alloc(sizeof **out->children)) == NULL) goto no_memory;
	}
	if (has_dictionary && (out->dictionary = oboro_cdata_alloc(sizeof *out->dictionary)) == NULL) goto no_memory;
	return 0;
no_memory:
	array_release(out);
	return NO_MEMORY;
}

void *oboro_cdata_buffer(struct ArrowArray *out, int64_t i, int64_t size) {
	void *p = oboro_cdata_alloc((size_t)size);
	out->buffers[i] = p;
	return p;
}

struct stream {
	struct ArrowSchema schema;
	struct ArrowArray *batches;
	int64_t n, next;
};

static int schema_copy(const struct ArrowSchema *s, struct ArrowSchema *out) {
	int rc = oboro_cdata_schema(out, s->format, s->name, s->flags, s->n_children, s->dictionary != NULL);
	if (rc != 0) return rc;
	for (int64_t i = 0; i < s->n_children && rc == 0; i++) rc = schema_copy(s->children[i], out->children[i]);
	if (rc == 0 && s->dictionary != NULL) rc = schema_copy(s->dictionary, out->dictionary);
	if (rc != 0) out->release(out);
	return rc;
}

static int stream_get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out) {
	struct stream *s = self->private_data;
	return schema_copy(&s->schema, out);
}

static int stream_get_next(struct ArrowArrayStream *self, struct ArrowArray *out) {
	struct stream *s = self->private_data;
	if (s->next == s->n) {
		memset(out, 0, sizeof *out);
		return 0;
	}
	*out = s->batches[s->next];
	s->batches[s->next].release = NULL;
	s->next++;
	return 0;
}

static const char *stream_get_last_error(struct ArrowArrayStream *self) {
	(void)self;
	return "out of memory";
}

static void stream_release(struct ArrowArrayStream *self) {
	struct stream *s = self->private_data;
	for (int64_t i = 0; i < s->n; i++)
		if (s->batches[i].release != NULL) s->batches[i].release(&s->batches[i]);
	oboro_cdata_free(s->batches);
	if (s->schema.release != NULL) s->schema.release(&s->schema);
	oboro_cdata_free(s);
	self->release = NULL;
}

int oboro_cdata_stream(struct ArrowArrayStream *out, struct ArrowSchema *schema, struct ArrowArray *batches, int64_t n) {
	struct stream *s = oboro_cdata_alloc(sizeof *s);
	if (s == NULL) return NO_MEMORY;
	s->schema = *schema;
	s->batches = batches;
	s->n = n;
	memset(out, 0, sizeof *out);
	out->get_schema = stream_get_schema;
	out->get_next = stream_get_next;
	out->get_last_error = stream_get_last_error;
	out->release = stream_release;
	out->private_data = s;
	return 0;
}

int oboro_cdata_get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) { return s->get_schema(s, out); }
int oboro_cdata_get_next(struct ArrowArrayStream *s, struct ArrowArray *out) { return s->get_next(s, out); }

void oboro_cdata_release_stream(struct ArrowArrayStream *s) {
	if (s->release != NULL) s->release(s);
}
void oboro_cdata_release_schema(struct ArrowSchema *s) {
	if (s->release != NULL) s->release(s);
}
void oboro_cdata_release_array(struct ArrowArray *a) {
	if (a->release != NULL) a->release(a);
}
