import { revalidatePath, revalidateTag } from 'next/cache';

export async function POST(request: Request) {
  const { tag, path, profile } = await request.json();
  if (tag) revalidateTag(tag, profile);
  if (path) revalidatePath(path);
  return Response.json({ done: true });
}
