import { cacheLife, cacheTag } from 'next/cache';
import { connection } from 'next/server';

async function author(id: string): Promise<{ name: string; runs: number }> {
  'use cache';
  cacheTag('author', `author-${id}`);
  cacheLife('hours');
  const answer = await fetch(`${process.env.UPSTREAM}/cached/${id}`, { cache: 'no-store' });
  return answer.json();
}

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  await connection();
  const { name, runs } = await author((await params).id);
  return <p>{`${name} / ${runs} / ${Date.now()}`}</p>;
}
