// A search form and its list, by React and a client that is generated from openapi.yaml: a parameter that the
// service does not know, or a member that it does not send, is an error of the compiler.

import createClient from 'openapi-fetch';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { components, paths } from './nearby';

type Center = components['schemas']['FoundCenter'];

const service = new URLSearchParams(location.search).get('service') ?? 'http://127.0.0.1:8080';
const client = createClient<paths>({ baseUrl: service });

function App() {
  const [radiusKm, setRadiusKm] = useState(25);
  const [centers, setCenters] = useState<Center[]>([]);
  const [fault, setFault] = useState('');

  useEffect(() => {
    const control = new AbortController();
    const query = { lat: 37.9838, lng: 23.7275, radius_km: radiusKm, limit: 20 };
    client.GET('/nearby', { params: { query }, signal: control.signal }).then(({ data, error }) => {
      setFault(error ? error.detail : '');
      if (data && 'centers' in data) setCenters(data.centers as Center[]);
    }, (error: Error) => {
      if (error.name !== 'AbortError') setFault(error.message);
    });
    return () => control.abort();
  }, [radiusKm]);

  return (
    <>
      <h1>Around Athens</h1>
      <label>
        Within {radiusKm} km{' '}
        <input type="range" min="1" max="100" value={radiusKm} onChange={({ target }) => setRadiusKm(Number(target.value))} />
      </label>
      {fault && <p role="alert">{fault}</p>}
      <ol id="list">
        {centers.map(({ id, name, distance_m }) => (
          <li key={id} data-id={id}>{name}<span>{(distance_m / 1000).toFixed(1)} km</span></li>
        ))}
      </ol>
    </>
  );
}

createRoot(document.getElementById('root')!).render(<App />);
