import { getPatient } from '../lib/patients.js';

export const dynamic = 'force-dynamic';

export default async function Page() {
  const { name, born } = await getPatient(7);
  return (
    <p>
      {name}, {born.getFullYear()}
    </p>
  );
}
