import type { Comment } from './comment-repository.ts';

/** Whoever works on tickets has one name outside. */
const STAFF_NAME = 'Support';

type Shown = Pick<Comment, 'id' | 'content' | 'author_kind' | 'author_name' | 'created_at'>;

/** A comment as the outside sees it. Never call it for an internal note. */
export const commentView = ({ id, content, author_kind, author_name, created_at }: Shown) => ({
  id,
  content,
  author: author_kind === 'token' ? (author_name ?? 'API') : STAFF_NAME,
  created_at: created_at.toISOString(),
});

/** The same for staff, internal notes too. */
export const staffCommentView = (comment: Comment) => ({
  id: comment.id,
  content: comment.content,
  author: comment.author_name ?? STAFF_NAME,
  is_internal: comment.is_internal,
  author_kind: comment.author_kind as 'token' | 'staff' | 'service',
  author_id: comment.author_id,
  created_at: comment.created_at.toISOString(),
});
