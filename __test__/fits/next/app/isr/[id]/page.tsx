// Made when it is first asked for, and kept for an hour or until one of its tags is revalidated.
export const revalidate = 3600;
export const generateStaticParams = () => [];

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  const answer = await fetch(`${process.env.UPSTREAM}/isr/${id}`, { next: { tags: ['author', `author-${id}`] } });
  const { name, runs } = await answer.json();
  return <p>{`${name} / ${runs} / ${Date.now()}`}</p>;
}
